// Functions whose way back is written in JavaScript.
//
//   outputs ─► Outlet ─► token ─► Recorded ─► inputs
//
// On the way back libtorch runs the steps of a GPU's tensors on a thread of its own, where no JavaScript may run. So there are two
// steps: `Outlet`, which may run anywhere, only hands the outputs' gradients over, and passes on a token in main memory; the step that
// gets the token, `Recorded`, therefore runs on the thread that called backward, and calls JavaScript there.
#include "bridge.h"

#include <ATen/SequenceNumber.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/functions/accumulate_grad.h>

#include <thread>
#include <unordered_set>

namespace rfmedsam {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Node;
using torch::autograd::variable_list;

// What the two steps share: the JavaScript function, and the gradients on their way to it.
struct WayBack : torch::CustomClassHolder {
  napi_env env;
  napi_ref function = nullptr;
  std::shared_ptr<Lender> lender;
  std::thread::id thread = std::this_thread::get_id();
  variable_list gradients;

  WayBack(napi_env environment, napi_value callback) : env(environment), lender(bridge_of(environment).lender) {
    check(env, napi_create_reference(env, callback, 1, &function));
  }
  // The graph may end on any thread, the reference only on its own.
  ~WayBack() override { lender->give_back(function); }
};

using WayBackPointer = c10::intrusive_ptr<WayBack>;

WayBackPointer way_back_of(AutogradContext* context) {
  return c10::static_intrusive_pointer_cast<WayBack>(context->saved_data["way back"].toCapsule());
}

// A failure inside JavaScript crosses libtorch as a C++ exception; what was thrown waits in the bridge until the call that began the
// way back throws it again.
[[noreturn]] void carry_pending(napi_env env) {
  napi_value thrown = nullptr;
  if (napi_get_and_clear_last_exception(env, &thrown) == napi_ok) bridge_of(env).keep_thrown(env, thrown);
  throw std::runtime_error("the way back of a function written in JavaScript failed");
}

struct HandleScope {
  napi_env env;
  napi_handle_scope scope = nullptr;

  explicit HandleScope(napi_env environment) : env(environment) { check(env, napi_open_handle_scope(env, &scope)); }
  ~HandleScope() { napi_close_handle_scope(env, scope); }
};

variable_list call_back(const WayBack& way_back, const variable_list& saved, const variable_list& gradients) {
  const napi_env env = way_back.env;
  HandleScope scope(env);
  try {
    napi_value function, receiver, result;
    check(env, napi_get_reference_value(env, way_back.function, &function));
    check(env, napi_get_undefined(env, &receiver));
    napi_value arguments[] = {to_js(env, saved), to_js(env, gradients)};
    check(env, napi_call_function(env, receiver, function, 2, arguments, &result));
    uint32_t count = 0;
    check(env, napi_get_array_length(env, result, &count));
    variable_list out;
    for (uint32_t i = 0; i < count; ++i) {
      napi_value item;
      check(env, napi_get_element(env, result, i, &item));
      const Handle handle = handle_of(env, item);
      out.push_back(handle == 0 ? at::Tensor() : bridge_of(env).get(handle));
      bridge_of(env).drop(handle);
    }
    return out;
  } catch (const Pending&) {
    carry_pending(env);
  }
}

struct Recorded : torch::autograd::Function<Recorded> {
  static at::Tensor forward(AutogradContext* context, at::TensorList, const variable_list* saved, const WayBackPointer* way_back) {
    context->save_for_backward(*saved);
    context->saved_data["way back"] = c10::IValue::make_capsule(*way_back);
    return at::zeros({});
  }

  static variable_list backward(AutogradContext* context, const variable_list&) {
    const WayBackPointer way_back = way_back_of(context);
    const variable_list gradients = std::move(way_back->gradients);
    way_back->gradients.clear();
    if (way_back->thread != std::this_thread::get_id()) {
      throw std::runtime_error("functions written in JavaScript are nested too deeply, or were recorded by another thread");
    }
    if (c10::GradMode::is_enabled()) {
      throw std::runtime_error("a gradient's own gradient (createGraph) cannot pass a function written in JavaScript");
    }
    variable_list out = call_back(*way_back, context->get_saved_variables(), gradients);
    out.resize(out.size() + 2);  // of `saved` and `way_back`
    return out;
  }
};

struct Outlet : torch::autograd::Function<Outlet> {
  static variable_list forward(AutogradContext* context, const at::Tensor&, const variable_list* outputs, const WayBackPointer* way_back) {
    context->set_materialize_grads(false);
    context->saved_data["way back"] = c10::IValue::make_capsule(*way_back);
    return *outputs;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    way_back_of(context)->gradients = gradients;
    return {at::zeros({}), at::Tensor(), at::Tensor()};
  }
};

// record(inputs, outputs, saved, wayBack) → the outputs with a history whose way back is
//   wayBack(saved, gradients of the outputs (0: none)) → gradients of the inputs (0: none)
// All handles it is given and gives are new ones. `saved` tensors must not be changed in place until then; that is checked.
napi_value record(napi_env env, napi_callback_info info) {
  return guarded(env, info, "recording", [env](Arguments& a) {
    const variable_list inputs = tensors_of(env, a.values[0]);
    const variable_list outputs = tensors_of(env, a.values[1]);
    const variable_list saved = tensors_of(env, a.values[2]);
    const auto way_back = c10::make_intrusive<WayBack>(env, a.values[3]);
    const at::Tensor token = Recorded::apply(at::TensorList(inputs), &saved, &way_back);
    return to_js(env, Outlet::apply(token, &outputs, &way_back));
  });
}

// sequenceNumber() → the number the next recorded operation gets
napi_value sequence_number(napi_env env, napi_callback_info info) {
  return guarded(env, info, "recording", [env](Arguments&) { return to_js(env, static_cast<int64_t>(at::sequence_number::peek())); });
}

// leavesBehind(outputs, except, since) → the tensors but `except` whose `grad` a backward from the outputs would reach; all operations in
// between must have been recorded from number `since` on
napi_value leaves_behind(napi_env env, napi_callback_info info) {
  return guarded(env, info, "recording", [env](Arguments& a) {
    const auto since = static_cast<uint64_t>(int_of(env, a.values[2]));
    variable_list leaves;
    std::unordered_set<const void*> seen;
    for (const at::Tensor& known : tensors_of(env, a.values[1])) seen.insert(known.unsafeGetTensorImpl());
    std::vector<Node*> waiting;
    const auto add_leaf = [&](const at::Tensor& leaf) {
      if (seen.insert(leaf.unsafeGetTensorImpl()).second) leaves.push_back(leaf);
    };
    for (const at::Tensor& output : tensors_of(env, a.values[0])) {
      if (output.grad_fn()) waiting.push_back(output.grad_fn().get());
      else if (output.requires_grad()) add_leaf(output);
    }
    while (!waiting.empty()) {
      Node* node = waiting.back();
      waiting.pop_back();
      if (!seen.insert(node).second) continue;
      if (const auto* leaf = dynamic_cast<torch::autograd::AccumulateGrad*>(node)) {
        add_leaf(leaf->variable);
        continue;
      }
      if (node->sequence_nr() < since) {
        throw std::runtime_error("the function uses a tensor with a history (" + node->name() + ") that is not among its inputs");
      }
      for (const auto& edge : node->next_edges()) {
        if (edge.is_valid()) waiting.push_back(edge.function.get());
      }
    }
    return to_js(env, leaves);
  });
}

}  // namespace

void define_recorded(napi_env env, napi_value exports) {
  define(env, exports, "record", record);
  define(env, exports, "sequenceNumber", sequence_number);
  define(env, exports, "leavesBehind", leaves_behind);
}

}  // namespace rfmedsam
