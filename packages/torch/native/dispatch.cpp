// Any ATen operator from JavaScript: look its schema up, turn the arguments into what the schema asks for, call it boxed.
//
//   operator("aten::conv2d", "") → a JavaScript function; its arguments are the schema's, in order; `undefined` takes the default
#include "bridge.h"

#include <ATen/EmptyTensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>
#include <ATen/core/stack.h>
#include <c10/core/DeviceType.h>
#include <c10/core/ScalarTypeToTypeMeta.h>

#include <cmath>
#include <memory>
#include <sstream>

namespace rfmedsam {
namespace {

using c10::IValue;
using c10::TypeKind;

// How one argument is read. `element` is what a list holds or an optional wraps.
enum class Kind { Tensor, Int, Float, Bool, Number, String, Device, Unsupported };

struct Parameter {
  std::string name;
  Kind kind = Kind::Unsupported;
  bool optional = false;
  bool list = false;
  bool optional_elements = false;  // Tensor?[]
  int fixed_length = 0;            // int[2]: one number stands for two
  std::optional<IValue> fallback;
};

Kind kind_of(const c10::Type& type) {
  switch (type.kind()) {
    case TypeKind::TensorType: return Kind::Tensor;
    case TypeKind::IntType:
    case TypeKind::SymIntType:
    case TypeKind::ScalarTypeType:
    case TypeKind::LayoutType:
    case TypeKind::MemoryFormatType: return Kind::Int;
    case TypeKind::FloatType: return Kind::Float;
    case TypeKind::BoolType: return Kind::Bool;
    case TypeKind::NumberType: return Kind::Number;
    case TypeKind::StringType: return Kind::String;
    case TypeKind::DeviceObjType: return Kind::Device;
    default: return Kind::Unsupported;
  }
}

Parameter describe(const c10::Argument& argument) {
  Parameter out;
  out.name = argument.name();
  out.fallback = argument.default_value();
  c10::TypePtr type = argument.real_type();
  if (auto optional = type->cast<c10::OptionalType>()) {
    out.optional = true;
    type = optional->getElementType();
  }
  if (auto list = type->cast<c10::ListType>()) {
    out.list = true;
    out.fixed_length = argument.N().value_or(0);
    type = list->getElementType();
    if (auto element = type->cast<c10::OptionalType>()) {
      out.optional_elements = true;
      type = element->getElementType();
    }
  }
  out.kind = kind_of(*type);
  return out;
}

struct Operator {
  std::string name;
  c10::OperatorHandle handle;
  std::vector<Parameter> parameters;
  std::vector<bool> returns_argument;  // results that are the written-to argument itself (in-place operators)
};

bool is_integral(double number) { return number == std::floor(number) && std::abs(number) <= 9007199254740992.0; }

IValue number_from(napi_env env, napi_value value) {
  napi_valuetype type;
  check(env, napi_typeof(env, value, &type));
  if (type == napi_boolean) return IValue(bool_of(env, value));
  if (type == napi_bigint) return IValue(int_of(env, value));
  const double number = double_of(env, value);
  return is_integral(number) ? IValue(static_cast<int64_t>(number)) : IValue(number);
}

// A plain number where a tensor is wanted arrives as [number]; it takes part in type promotion as a Python number would.
at::Tensor tensor_from(napi_env env, napi_value value) {
  if (!is_array(env, value)) throw std::runtime_error("expected a tensor");
  napi_value first;
  check(env, napi_get_element(env, value, 0, &first));
  const IValue number = number_from(env, first);
  const auto dtype = number.isBool() ? at::kBool : number.isInt() ? at::kLong : at::kDouble;
  at::Tensor tensor = at::detail::empty_cpu({}, dtype, std::nullopt, std::nullopt, std::nullopt, std::nullopt);
  if (number.isBool()) *static_cast<bool*>(tensor.mutable_data_ptr()) = number.toBool();
  else if (number.isInt()) *static_cast<int64_t*>(tensor.mutable_data_ptr()) = number.toInt();
  else *static_cast<double*>(tensor.mutable_data_ptr()) = number.toDouble();
  tensor.unsafeGetTensorImpl()->set_wrapped_number(true);
  return tensor;
}

IValue single_from(napi_env env, napi_value value, const Parameter& p) {
  switch (p.kind) {
    case Kind::Tensor: return IValue(tensor_from(env, value));
    case Kind::Int: return IValue(int_of(env, value));
    case Kind::Float: return IValue(double_of(env, value));
    case Kind::Bool: return IValue(bool_of(env, value));
    case Kind::Number: return number_from(env, value);
    case Kind::String: return IValue(string_of(env, value));
    case Kind::Device: return IValue(c10::Device(string_of(env, value)));
    case Kind::Unsupported: break;
  }
  throw std::runtime_error("cannot be given from here");
}

IValue tensor_list_from(napi_env env, napi_value value, bool optional_elements) {
  if (!optional_elements) return IValue(tensors_of(env, value));
  uint32_t length = 0;
  check(env, napi_get_array_length(env, value, &length));
  c10::List<std::optional<at::Tensor>> out;
  for (uint32_t i = 0; i < length; ++i) {
    napi_value item;
    check(env, napi_get_element(env, value, i, &item));
    if (is_absent(env, item)) out.push_back(std::nullopt);
    else out.push_back(tensor_of(env, item));
  }
  return IValue(out);
}

IValue list_from(napi_env env, napi_value value, const Parameter& p) {
  if (!is_array(env, value)) {
    if (p.kind == Kind::Int) return IValue(std::vector<int64_t>(std::max(1, p.fixed_length), int_of(env, value)));
    if (p.kind == Kind::Float) return IValue(std::vector<double>(std::max(1, p.fixed_length), double_of(env, value)));
    throw std::runtime_error("expected an array");
  }
  if (p.kind == Kind::Int) return IValue(ints_of(env, value));
  if (p.kind == Kind::Tensor) return tensor_list_from(env, value, p.optional_elements);
  uint32_t length = 0;
  check(env, napi_get_array_length(env, value, &length));
  const auto each = [&](auto add) {
    for (uint32_t i = 0; i < length; ++i) {
      napi_value item;
      check(env, napi_get_element(env, value, i, &item));
      add(item);
    }
  };
  if (p.kind == Kind::Float) {
    c10::List<double> out;
    each([&](napi_value item) { out.push_back(double_of(env, item)); });
    return IValue(out);
  }
  if (p.kind == Kind::Bool) {
    c10::List<bool> out;
    each([&](napi_value item) { out.push_back(bool_of(env, item)); });
    return IValue(out);
  }
  if (p.kind == Kind::Number) {
    c10::List<at::Scalar> out;
    each([&](napi_value item) { out.push_back(number_from(env, item).toScalar()); });
    return IValue(out);
  }
  throw std::runtime_error("a list of this kind cannot be given from here");
}

IValue argument_from(napi_env env, napi_value value, const Parameter& p) {
  try {
    if (p.kind == Kind::Tensor && !p.list) {  // most arguments: a handle needs no other question
      Handle handle = 0;
      if (value != nullptr && napi_get_value_uint32(env, value, &handle) == napi_ok) return IValue(bridge_of(env).get(handle));
    }
    if (value == nullptr || is_absent(env, value)) {
      if (p.fallback) return *p.fallback;
      if (p.optional) return IValue();
      throw std::runtime_error("is missing");
    }
    return p.list ? list_from(env, value, p) : single_from(env, value, p);
  } catch (const std::exception& error) {
    throw std::runtime_error("argument \"" + p.name + "\": " + error.what());
  }
}

napi_value result_to_js(napi_env env, const IValue& value) {
  if (value.isTensor()) return to_js(env, value.toTensor());
  if (value.isTensorList()) return to_js(env, value.toTensorVector());
  if (value.isBool()) return to_js(env, value.toBool());
  if (value.isInt()) return to_js(env, value.toInt());
  if (value.isDouble()) return to_js(env, value.toDouble());
  if (value.isIntList()) return to_js(env, at::IntArrayRef(value.toIntVector()));
  if (value.isNone()) return undefined(env);
  throw std::runtime_error("a result of type " + value.tagKind() + " cannot be returned to JavaScript");
}

// The stack of one call. Its memory is passed on to the next one; its values never outlive the call, however that ends, and a
// call that begins while arguments of another are read (a getter can do that) has a stack of its own.
struct CallStack {
  Bridge& bridge;
  torch::jit::Stack values;

  explicit CallStack(Bridge& owner) : bridge(owner), values(std::move(owner.spare_stack)) { values.clear(); }
  ~CallStack() {
    values.clear();
    bridge.spare_stack = std::move(values);
  }
};

napi_value call(napi_env env, napi_callback_info info) {
  Operator* op = nullptr;
  try {
    Arguments a(env, info);
    op = static_cast<Operator*>(a.data);
    const size_t wanted = op->parameters.size();
    CallStack call_stack(bridge_of(env));
    torch::jit::Stack& stack = call_stack.values;
    for (size_t i = 0; i < wanted; ++i) {
      stack.push_back(argument_from(env, i < a.count ? a.values[i] : nullptr, op->parameters[i]));
    }
    op->handle.callBoxed(stack);
    napi_value out = nullptr;
    if (stack.size() == 1) {
      out = op->returns_argument[0] ? undefined(env) : result_to_js(env, stack[0]);
    } else if (stack.empty()) {
      out = undefined(env);
    } else {
      check(env, napi_create_array_with_length(env, stack.size(), &out));
      for (size_t i = 0; i < stack.size(); ++i) check(env, napi_set_element(env, out, i, result_to_js(env, stack[i])));
    }
    return out;
  } catch (...) {
    throw_in_javascript(env, op == nullptr ? "calling an operator" : op->name.c_str());
    return nullptr;
  }
}

c10::OperatorHandle find(const std::string& name, const std::string& overload) {
  auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
  if (!handle) {
    throw std::runtime_error("this libtorch has no operator " + name + (overload.empty() ? "" : "." + overload));
  }
  return *handle;
}

// operator(name, overload) → function
napi_value make_operator(napi_env env, napi_callback_info info) {
  return guarded(env, info, "looking an operator up", [env](Arguments& a) {
    const std::string name = string_of(env, a.values[0]), overload = string_of(env, a.values[1]);
    auto handle = find(name, overload);
    auto op = std::make_unique<Operator>(Operator{overload.empty() ? name : name + "." + overload, handle, {}, {}});
    const auto& schema = handle.schema();
    for (const auto& argument : schema.arguments()) op->parameters.push_back(describe(argument));
    if (op->parameters.size() > Arguments::most) throw std::runtime_error(op->name + " has too many arguments");
    for (const auto& result : schema.returns()) {
      op->returns_argument.push_back(result.alias_info() != nullptr && result.alias_info()->isWrite());
    }
    if (op->returns_argument.empty()) op->returns_argument.push_back(true);
    napi_value function;
    check(env, napi_create_function(env, op->name.c_str(), NAPI_AUTO_LENGTH, call, op.get(), &function));
    Operator* owned = op.release();
    check(env, napi_add_finalizer(env, function, owned, [](napi_env, void* data, void*) { delete static_cast<Operator*>(data); }, nullptr, nullptr));
    return function;
  });
}

// schema(name, overload) → the operator's schema as text
napi_value schema_text(napi_env env, napi_callback_info info) {
  return guarded(env, info, "looking a schema up", [env](Arguments& a) {
    std::ostringstream text;
    text << find(string_of(env, a.values[0]), string_of(env, a.values[1])).schema();
    return to_js(env, text.str());
  });
}

}  // namespace

void define_dispatch(napi_env env, napi_value exports) {
  define(env, exports, "operator", make_operator);
  define(env, exports, "schema", schema_text);
}

}  // namespace rfmedsam
