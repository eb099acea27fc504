// Written by tools/generate-operators.mjs from operators.txt and libtorch's schemas: change those, then `make operators`.
import type { Dtype } from "../dtype.js";
import { operator } from "../native.js";
import type { Tensor } from "../tensor.js";
import { dtypeCode, type Operand, type Scalar, unwrap, unwrapAll, unwrapEach, unwrapOperand, wrap, wrapAll } from "../wrap.js";

const $add = operator("aten::add", "Tensor");
const $add_ = operator("aten::add_", "Tensor");
const $sub = operator("aten::sub", "Tensor");
const $sub_ = operator("aten::sub_", "Tensor");
const $mul = operator("aten::mul", "Tensor");
const $mul_ = operator("aten::mul_", "Tensor");
const $div = operator("aten::div", "Tensor");
const $div_ = operator("aten::div_", "Tensor");
const $divRounded = operator("aten::div", "Tensor_mode");
const $remainder = operator("aten::remainder", "Tensor");
const $pow = operator("aten::pow", "Tensor_Scalar");
const $powTensor = operator("aten::pow", "Tensor_Tensor");
const $addcmul = operator("aten::addcmul", "");
const $addcmul_ = operator("aten::addcmul_", "");
const $addcdiv = operator("aten::addcdiv", "");
const $addcdiv_ = operator("aten::addcdiv_", "");
const $lerp = operator("aten::lerp", "Scalar");
const $lerp_ = operator("aten::lerp_", "Scalar");
const $neg = operator("aten::neg", "");
const $reciprocal = operator("aten::reciprocal", "");
const $abs = operator("aten::abs", "");
const $sign = operator("aten::sign", "");
const $square = operator("aten::square", "");
const $sqrt = operator("aten::sqrt", "");
const $rsqrt = operator("aten::rsqrt", "");
const $exp = operator("aten::exp", "");
const $expm1 = operator("aten::expm1", "");
const $log = operator("aten::log", "");
const $log1p = operator("aten::log1p", "");
const $log2 = operator("aten::log2", "");
const $sin = operator("aten::sin", "");
const $cos = operator("aten::cos", "");
const $tan = operator("aten::tan", "");
const $atan2 = operator("aten::atan2", "");
const $floor = operator("aten::floor", "");
const $ceil = operator("aten::ceil", "");
const $round = operator("aten::round", "");
const $clamp = operator("aten::clamp", "");
const $clampTensor = operator("aten::clamp", "Tensor");
const $clamp_ = operator("aten::clamp_", "");
const $maximum = operator("aten::maximum", "");
const $minimum = operator("aten::minimum", "");
const $outer = operator("aten::outer", "");
const $complex = operator("aten::complex", "");
const $erf = operator("aten::erf", "");
const $erfinv = operator("aten::erfinv", "");
const $erfinv_ = operator("aten::erfinv_", "");
const $relu = operator("aten::relu", "");
const $relu_ = operator("aten::relu_", "");
const $leakyRelu = operator("aten::leaky_relu", "");
const $leakyRelu_ = operator("aten::leaky_relu_", "");
const $gelu = operator("aten::gelu", "");
const $gelu_ = operator("aten::gelu_", "");
const $silu = operator("aten::silu", "");
const $sigmoid = operator("aten::sigmoid", "");
const $logSigmoid = operator("aten::log_sigmoid", "");
const $tanh = operator("aten::tanh", "");
const $softplus = operator("aten::softplus", "");
const $softmax = operator("aten::softmax", "int");
const $logSoftmax = operator("aten::log_softmax", "int");
const $eq = operator("aten::eq", "Tensor");
const $ne = operator("aten::ne", "Tensor");
const $lt = operator("aten::lt", "Tensor");
const $le = operator("aten::le", "Tensor");
const $gt = operator("aten::gt", "Tensor");
const $ge = operator("aten::ge", "Tensor");
const $logicalAnd = operator("aten::logical_and", "");
const $logicalOr = operator("aten::logical_or", "");
const $logicalNot = operator("aten::logical_not", "");
const $logicalXor = operator("aten::logical_xor", "");
const $any = operator("aten::any", "");
const $anyDim = operator("aten::any", "dim");
const $all = operator("aten::all", "");
const $allDim = operator("aten::all", "dim");
const $isnan = operator("aten::isnan", "");
const $isinf = operator("aten::isinf", "");
const $isfinite = operator("aten::isfinite", "");
const $where = operator("aten::where", "self");
const $equal = operator("aten::equal", "");
const $allclose = operator("aten::allclose", "");
const $nonzero = operator("aten::nonzero", "");
const $sum = operator("aten::sum", "dim_IntList");
const $mean = operator("aten::mean", "dim");
const $std = operator("aten::std", "correction");
const $variance = operator("aten::var", "correction");
const $amax = operator("aten::amax", "");
const $amin = operator("aten::amin", "");
const $maxDim = operator("aten::max", "dim");
const $minDim = operator("aten::min", "dim");
const $argmax = operator("aten::argmax", "");
const $argmin = operator("aten::argmin", "");
const $logsumexp = operator("aten::logsumexp", "");
const $cumsum = operator("aten::cumsum", "");
const $prod = operator("aten::prod", "");
const $norm = operator("aten::linalg_vector_norm", "");
const $median = operator("aten::median", "");
const $quantile = operator("aten::quantile", "");
const $sort = operator("aten::sort", "");
const $argsort = operator("aten::argsort", "");
const $topk = operator("aten::topk", "");
const $bincount = operator("aten::bincount", "");
const $reshape = operator("aten::reshape", "");
const $view = operator("aten::view", "");
const $viewDtype = operator("aten::view", "dtype");
const $asStrided = operator("aten::as_strided", "");
const $permute = operator("aten::permute", "");
const $transpose = operator("aten::transpose", "int");
const $movedim = operator("aten::movedim", "int");
const $flatten = operator("aten::flatten", "using_ints");
const $unflatten = operator("aten::unflatten", "int");
const $unsqueeze = operator("aten::unsqueeze", "");
const $squeeze = operator("aten::squeeze", "dim");
const $expand = operator("aten::expand", "");
const $repeat = operator("aten::repeat", "");
const $repeatInterleave = operator("aten::repeat_interleave", "self_int");
const $narrow = operator("aten::narrow", "");
const $select = operator("aten::select", "int");
const $slice = operator("aten::slice", "Tensor");
const $indexSelect = operator("aten::index_select", "");
const $index = operator("aten::index", "Tensor");
const $indexPut_ = operator("aten::index_put_", "");
const $gather = operator("aten::gather", "");
const $scatter = operator("aten::scatter", "src");
const $scatterValue = operator("aten::scatter", "value");
const $scatterAdd = operator("aten::scatter_add", "");
const $indexAdd = operator("aten::index_add", "");
const $chunk = operator("aten::chunk", "");
const $split = operator("aten::split", "Tensor");
const $splitSizes = operator("aten::split_with_sizes", "");
const $unbind = operator("aten::unbind", "int");
const $cat = operator("aten::cat", "");
const $stack = operator("aten::stack", "");
const $flip = operator("aten::flip", "");
const $roll = operator("aten::roll", "");
const $tile = operator("aten::tile", "");
const $pad = operator("aten::pad", "");
const $unfold = operator("aten::unfold", "");
const $contiguous = operator("aten::contiguous", "");
const $clone = operator("aten::clone", "");
const $detach = operator("aten::detach", "");
const $maskedFill = operator("aten::masked_fill", "Scalar");
const $maskedFill_ = operator("aten::masked_fill_", "Scalar");
const $maskedSelect = operator("aten::masked_select", "");
const $tril = operator("aten::tril", "");
const $triu = operator("aten::triu", "");
const $diagonal = operator("aten::diagonal", "");
const $viewAsComplex = operator("aten::view_as_complex", "");
const $viewAsReal = operator("aten::view_as_real", "");
const $meshgrid = operator("aten::meshgrid", "indexing");
const $oneHot = operator("aten::one_hot", "");
const $copy_ = operator("aten::copy_", "");
const $fill_ = operator("aten::fill_", "Scalar");
const $zero_ = operator("aten::zero_", "");
const $setData = operator("aten::set_data", "");
const $resize_ = operator("aten::resize_", "");
const $toDtypeDevice = operator("aten::to", "device");
const $alias = operator("aten::alias", "");
const $matmul = operator("aten::matmul", "");
const $bmm = operator("aten::bmm", "");
const $mm = operator("aten::mm", "");
const $addmm = operator("aten::addmm", "");
const $baddbmm = operator("aten::baddbmm", "");
const $einsum = operator("aten::einsum", "");
const $linear = operator("aten::linear", "");
const $scaledDotProductAttention = operator("aten::scaled_dot_product_attention", "");
const $conv1d = operator("aten::conv1d", "");
const $conv2d = operator("aten::conv2d", "");
const $conv3d = operator("aten::conv3d", "");
const $im2col = operator("aten::im2col", "");
const $col2im = operator("aten::col2im", "");
const $convTranspose2d = operator("aten::conv_transpose2d", "input");
const $convTranspose3d = operator("aten::conv_transpose3d", "input");
const $layerNorm = operator("aten::layer_norm", "");
const $groupNorm = operator("aten::group_norm", "");
const $instanceNorm = operator("aten::instance_norm", "");
const $batchNorm = operator("aten::batch_norm", "");
const $maxPool2d = operator("aten::max_pool2d", "");
const $maxPool3d = operator("aten::max_pool3d", "");
const $avgPool2d = operator("aten::avg_pool2d", "");
const $avgPool3d = operator("aten::avg_pool3d", "");
const $adaptiveAvgPool2d = operator("aten::adaptive_avg_pool2d", "");
const $adaptiveAvgPool3d = operator("aten::adaptive_avg_pool3d", "");
const $embedding = operator("aten::embedding", "");
const $dropout = operator("aten::dropout", "");
const $featureDropout = operator("aten::feature_dropout", "");
const $upsampleNearest1d = operator("aten::upsample_nearest1d", "vec");
const $upsampleNearest2d = operator("aten::upsample_nearest2d", "vec");
const $upsampleNearest3d = operator("aten::upsample_nearest3d", "vec");
const $upsampleNearestExact2d = operator("aten::_upsample_nearest_exact2d", "vec");
const $upsampleBilinear2d = operator("aten::upsample_bilinear2d", "vec");
const $upsampleBilinear2dAntialias = operator("aten::_upsample_bilinear2d_aa", "vec");
const $upsampleBicubic2d = operator("aten::upsample_bicubic2d", "vec");
const $upsampleBicubic2dAntialias = operator("aten::_upsample_bicubic2d_aa", "vec");
const $upsampleTrilinear3d = operator("aten::upsample_trilinear3d", "vec");
const $gridSampler = operator("aten::grid_sampler", "");
const $affineGridGenerator = operator("aten::affine_grid_generator", "");
const $crossEntropyLoss = operator("aten::cross_entropy_loss", "");
const $nllLoss = operator("aten::nll_loss", "");
const $binaryCrossEntropyWithLogits = operator("aten::binary_cross_entropy_with_logits", "");
const $binaryCrossEntropy = operator("aten::binary_cross_entropy", "");
const $mseLoss = operator("aten::mse_loss", "");
const $l1Loss = operator("aten::l1_loss", "");
const $smoothL1Loss = operator("aten::smooth_l1_loss", "");
const $emptyOp = operator("aten::empty", "memory_format");
const $fullOp = operator("aten::full", "");
const $arangeOp = operator("aten::arange", "start_step");
const $linspaceOp = operator("aten::linspace", "");
const $eyeOp = operator("aten::eye", "");
const $randOp = operator("aten::rand", "");
const $randnOp = operator("aten::randn", "");
const $randintOp = operator("aten::randint", "low");
const $randpermOp = operator("aten::randperm", "");
const $zerosLike = operator("aten::zeros_like", "");
const $onesLike = operator("aten::ones_like", "");
const $emptyLike = operator("aten::empty_like", "");
const $fullLike = operator("aten::full_like", "");
const $randLike = operator("aten::rand_like", "");
const $randnLike = operator("aten::randn_like", "");
const $uniform_ = operator("aten::uniform_", "");
const $normal_ = operator("aten::normal_", "");
const $bernoulli_ = operator("aten::bernoulli_", "float");
const $fromFile = operator("aten::from_file", "");
const $foreachAdd_ = operator("aten::_foreach_add_", "Scalar");
const $foreachAddList_ = operator("aten::_foreach_add_", "List");
const $foreachSubList_ = operator("aten::_foreach_sub_", "List");
const $foreachMul_ = operator("aten::_foreach_mul_", "Scalar");
const $foreachMulTensor_ = operator("aten::_foreach_mul_", "Tensor");
const $foreachDivList_ = operator("aten::_foreach_div_", "List");
const $foreachAddcmul_ = operator("aten::_foreach_addcmul_", "Scalar");
const $foreachAddcdiv_ = operator("aten::_foreach_addcdiv_", "Scalar");
const $foreachAddcdivEach_ = operator("aten::_foreach_addcdiv_", "ScalarList");
const $foreachLerp_ = operator("aten::_foreach_lerp_", "Scalar");
const $foreachSqrt = operator("aten::_foreach_sqrt", "");
const $foreachNorm = operator("aten::_foreach_norm", "Scalar");
const $foreachZero_ = operator("aten::_foreach_zero_", "");
const $foreachCopy_ = operator("aten::_foreach_copy_", "");
const $fusedAdamw_ = operator("aten::_fused_adamw_", "");
const $fusedSgd_ = operator("aten::_fused_sgd_", "");

/** The operators whose first argument is the tensor itself. */
export abstract class TensorOperators {
  abstract readonly handle: number;

  /** `aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor` */
  add(other: Operand, options?: { readonly alpha?: Scalar | undefined }): Tensor {
    return wrap($add(this.handle, unwrapOperand(other), options?.alpha));
  }

  /** `aten::add_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)` */
  add_(other: Operand, options?: { readonly alpha?: Scalar | undefined }): this {
    $add_(this.handle, unwrapOperand(other), options?.alpha);
    return this;
  }

  /** `aten::sub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor` */
  sub(other: Operand, options?: { readonly alpha?: Scalar | undefined }): Tensor {
    return wrap($sub(this.handle, unwrapOperand(other), options?.alpha));
  }

  /** `aten::sub_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)` */
  sub_(other: Operand, options?: { readonly alpha?: Scalar | undefined }): this {
    $sub_(this.handle, unwrapOperand(other), options?.alpha);
    return this;
  }

  /** `aten::mul.Tensor(Tensor self, Tensor other) -> Tensor` */
  mul(other: Operand): Tensor {
    return wrap($mul(this.handle, unwrapOperand(other)));
  }

  /** `aten::mul_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)` */
  mul_(other: Operand): this {
    $mul_(this.handle, unwrapOperand(other));
    return this;
  }

  /** `aten::div.Tensor(Tensor self, Tensor other) -> Tensor` */
  div(other: Operand): Tensor {
    return wrap($div(this.handle, unwrapOperand(other)));
  }

  /** `aten::div_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)` */
  div_(other: Operand): this {
    $div_(this.handle, unwrapOperand(other));
    return this;
  }

  /** `aten::div.Tensor_mode(Tensor self, Tensor other, *, str? rounding_mode) -> Tensor` */
  divRounded(other: Operand, roundingMode?: string | null): Tensor {
    return wrap($divRounded(this.handle, unwrapOperand(other), roundingMode));
  }

  /** `aten::remainder.Tensor(Tensor self, Tensor other) -> Tensor` */
  remainder(other: Operand): Tensor {
    return wrap($remainder(this.handle, unwrapOperand(other)));
  }

  /** `aten::pow.Tensor_Scalar(Tensor self, Scalar exponent) -> Tensor` */
  pow(exponent: Scalar): Tensor {
    return wrap($pow(this.handle, exponent));
  }

  /** `aten::pow.Tensor_Tensor(Tensor self, Tensor exponent) -> Tensor` */
  powTensor(exponent: Operand): Tensor {
    return wrap($powTensor(this.handle, unwrapOperand(exponent)));
  }

  /** `aten::addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor` */
  addcmul(tensor1: Tensor, tensor2: Tensor, options?: { readonly value?: Scalar | undefined }): Tensor {
    return wrap($addcmul(this.handle, tensor1.handle, tensor2.handle, options?.value));
  }

  /** `aten::addcmul_(Tensor(a!) self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor(a!)` */
  addcmul_(tensor1: Tensor, tensor2: Tensor, options?: { readonly value?: Scalar | undefined }): this {
    $addcmul_(this.handle, tensor1.handle, tensor2.handle, options?.value);
    return this;
  }

  /** `aten::addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor` */
  addcdiv(tensor1: Tensor, tensor2: Tensor, options?: { readonly value?: Scalar | undefined }): Tensor {
    return wrap($addcdiv(this.handle, tensor1.handle, tensor2.handle, options?.value));
  }

  /** `aten::addcdiv_(Tensor(a!) self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor(a!)` */
  addcdiv_(tensor1: Tensor, tensor2: Tensor, options?: { readonly value?: Scalar | undefined }): this {
    $addcdiv_(this.handle, tensor1.handle, tensor2.handle, options?.value);
    return this;
  }

  /** `aten::lerp.Scalar(Tensor self, Tensor end, Scalar weight) -> Tensor` */
  lerp(end: Tensor, weight: Scalar): Tensor {
    return wrap($lerp(this.handle, end.handle, weight));
  }

  /** `aten::lerp_.Scalar(Tensor(a!) self, Tensor end, Scalar weight) -> Tensor(a!)` */
  lerp_(end: Tensor, weight: Scalar): this {
    $lerp_(this.handle, end.handle, weight);
    return this;
  }

  /** `aten::neg(Tensor self) -> Tensor` */
  neg(): Tensor {
    return wrap($neg(this.handle));
  }

  /** `aten::reciprocal(Tensor self) -> Tensor` */
  reciprocal(): Tensor {
    return wrap($reciprocal(this.handle));
  }

  /** `aten::abs(Tensor self) -> Tensor` */
  abs(): Tensor {
    return wrap($abs(this.handle));
  }

  /** `aten::sign(Tensor self) -> Tensor` */
  sign(): Tensor {
    return wrap($sign(this.handle));
  }

  /** `aten::square(Tensor self) -> Tensor` */
  square(): Tensor {
    return wrap($square(this.handle));
  }

  /** `aten::sqrt(Tensor self) -> Tensor` */
  sqrt(): Tensor {
    return wrap($sqrt(this.handle));
  }

  /** `aten::rsqrt(Tensor self) -> Tensor` */
  rsqrt(): Tensor {
    return wrap($rsqrt(this.handle));
  }

  /** `aten::exp(Tensor self) -> Tensor` */
  exp(): Tensor {
    return wrap($exp(this.handle));
  }

  /** `aten::expm1(Tensor self) -> Tensor` */
  expm1(): Tensor {
    return wrap($expm1(this.handle));
  }

  /** `aten::log(Tensor self) -> Tensor` */
  log(): Tensor {
    return wrap($log(this.handle));
  }

  /** `aten::log1p(Tensor self) -> Tensor` */
  log1p(): Tensor {
    return wrap($log1p(this.handle));
  }

  /** `aten::log2(Tensor self) -> Tensor` */
  log2(): Tensor {
    return wrap($log2(this.handle));
  }

  /** `aten::sin(Tensor self) -> Tensor` */
  sin(): Tensor {
    return wrap($sin(this.handle));
  }

  /** `aten::cos(Tensor self) -> Tensor` */
  cos(): Tensor {
    return wrap($cos(this.handle));
  }

  /** `aten::tan(Tensor self) -> Tensor` */
  tan(): Tensor {
    return wrap($tan(this.handle));
  }

  /** `aten::atan2(Tensor self, Tensor other) -> Tensor` */
  atan2(other: Operand): Tensor {
    return wrap($atan2(this.handle, unwrapOperand(other)));
  }

  /** `aten::floor(Tensor self) -> Tensor` */
  floor(): Tensor {
    return wrap($floor(this.handle));
  }

  /** `aten::ceil(Tensor self) -> Tensor` */
  ceil(): Tensor {
    return wrap($ceil(this.handle));
  }

  /** `aten::round(Tensor self) -> Tensor` */
  round(): Tensor {
    return wrap($round(this.handle));
  }

  /** `aten::clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor` */
  clamp(options?: { readonly min?: Scalar | undefined; readonly max?: Scalar | undefined }): Tensor {
    return wrap($clamp(this.handle, options?.min, options?.max));
  }

  /** `aten::clamp.Tensor(Tensor self, Tensor? min=None, Tensor? max=None) -> Tensor` */
  clampTensor(options?: { readonly min?: Tensor | undefined; readonly max?: Tensor | undefined }): Tensor {
    return wrap($clampTensor(this.handle, unwrap(options?.min), unwrap(options?.max)));
  }

  /** `aten::clamp_(Tensor(a!) self, Scalar? min=None, Scalar? max=None) -> Tensor(a!)` */
  clamp_(options?: { readonly min?: Scalar | undefined; readonly max?: Scalar | undefined }): this {
    $clamp_(this.handle, options?.min, options?.max);
    return this;
  }

  /** `aten::maximum(Tensor self, Tensor other) -> Tensor` */
  maximum(other: Operand): Tensor {
    return wrap($maximum(this.handle, unwrapOperand(other)));
  }

  /** `aten::minimum(Tensor self, Tensor other) -> Tensor` */
  minimum(other: Operand): Tensor {
    return wrap($minimum(this.handle, unwrapOperand(other)));
  }

  /** `aten::outer(Tensor self, Tensor vec2) -> Tensor` */
  outer(vec2: Tensor): Tensor {
    return wrap($outer(this.handle, vec2.handle));
  }

  /** `aten::erf(Tensor self) -> Tensor` */
  erf(): Tensor {
    return wrap($erf(this.handle));
  }

  /** `aten::erfinv(Tensor self) -> Tensor` */
  erfinv(): Tensor {
    return wrap($erfinv(this.handle));
  }

  /** `aten::erfinv_(Tensor(a!) self) -> Tensor(a!)` */
  erfinv_(): this {
    $erfinv_(this.handle);
    return this;
  }

  /** `aten::relu(Tensor self) -> Tensor` */
  relu(): Tensor {
    return wrap($relu(this.handle));
  }

  /** `aten::relu_(Tensor(a!) self) -> Tensor(a!)` */
  relu_(): this {
    $relu_(this.handle);
    return this;
  }

  /** `aten::leaky_relu(Tensor self, Scalar negative_slope=0.01) -> Tensor` */
  leakyRelu(options?: { readonly negativeSlope?: Scalar | undefined }): Tensor {
    return wrap($leakyRelu(this.handle, options?.negativeSlope));
  }

  /** `aten::leaky_relu_(Tensor(a!) self, Scalar negative_slope=0.01) -> Tensor(a!)` */
  leakyRelu_(options?: { readonly negativeSlope?: Scalar | undefined }): this {
    $leakyRelu_(this.handle, options?.negativeSlope);
    return this;
  }

  /** `aten::gelu(Tensor self, *, str approximate="none") -> Tensor` */
  gelu(options?: { readonly approximate?: string | undefined }): Tensor {
    return wrap($gelu(this.handle, options?.approximate));
  }

  /** `aten::gelu_(Tensor(a!) self, *, str approximate="none") -> Tensor(a!)` */
  gelu_(options?: { readonly approximate?: string | undefined }): this {
    $gelu_(this.handle, options?.approximate);
    return this;
  }

  /** `aten::silu(Tensor self) -> Tensor` */
  silu(): Tensor {
    return wrap($silu(this.handle));
  }

  /** `aten::sigmoid(Tensor self) -> Tensor` */
  sigmoid(): Tensor {
    return wrap($sigmoid(this.handle));
  }

  /** `aten::log_sigmoid(Tensor self) -> Tensor` */
  logSigmoid(): Tensor {
    return wrap($logSigmoid(this.handle));
  }

  /** `aten::tanh(Tensor self) -> Tensor` */
  tanh(): Tensor {
    return wrap($tanh(this.handle));
  }

  /** `aten::softplus(Tensor self, Scalar beta=1, Scalar threshold=20) -> Tensor` */
  softplus(options?: { readonly beta?: Scalar | undefined; readonly threshold?: Scalar | undefined }): Tensor {
    return wrap($softplus(this.handle, options?.beta, options?.threshold));
  }

  /** `aten::softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor` */
  softmax(dim: number, options?: { readonly dtype?: Dtype | undefined }): Tensor {
    return wrap($softmax(this.handle, dim, dtypeCode(options?.dtype)));
  }

  /** `aten::log_softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor` */
  logSoftmax(dim: number, options?: { readonly dtype?: Dtype | undefined }): Tensor {
    return wrap($logSoftmax(this.handle, dim, dtypeCode(options?.dtype)));
  }

  /** `aten::eq.Tensor(Tensor self, Tensor other) -> Tensor` */
  eq(other: Operand): Tensor {
    return wrap($eq(this.handle, unwrapOperand(other)));
  }

  /** `aten::ne.Tensor(Tensor self, Tensor other) -> Tensor` */
  ne(other: Operand): Tensor {
    return wrap($ne(this.handle, unwrapOperand(other)));
  }

  /** `aten::lt.Tensor(Tensor self, Tensor other) -> Tensor` */
  lt(other: Operand): Tensor {
    return wrap($lt(this.handle, unwrapOperand(other)));
  }

  /** `aten::le.Tensor(Tensor self, Tensor other) -> Tensor` */
  le(other: Operand): Tensor {
    return wrap($le(this.handle, unwrapOperand(other)));
  }

  /** `aten::gt.Tensor(Tensor self, Tensor other) -> Tensor` */
  gt(other: Operand): Tensor {
    return wrap($gt(this.handle, unwrapOperand(other)));
  }

  /** `aten::ge.Tensor(Tensor self, Tensor other) -> Tensor` */
  ge(other: Operand): Tensor {
    return wrap($ge(this.handle, unwrapOperand(other)));
  }

  /** `aten::logical_and(Tensor self, Tensor other) -> Tensor` */
  logicalAnd(other: Operand): Tensor {
    return wrap($logicalAnd(this.handle, unwrapOperand(other)));
  }

  /** `aten::logical_or(Tensor self, Tensor other) -> Tensor` */
  logicalOr(other: Operand): Tensor {
    return wrap($logicalOr(this.handle, unwrapOperand(other)));
  }

  /** `aten::logical_not(Tensor self) -> Tensor` */
  logicalNot(): Tensor {
    return wrap($logicalNot(this.handle));
  }

  /** `aten::logical_xor(Tensor self, Tensor other) -> Tensor` */
  logicalXor(other: Operand): Tensor {
    return wrap($logicalXor(this.handle, unwrapOperand(other)));
  }

  /** `aten::any(Tensor self) -> Tensor` */
  any(): Tensor {
    return wrap($any(this.handle));
  }

  /** `aten::any.dim(Tensor self, int dim, bool keepdim=False) -> Tensor` */
  anyDim(dim: number, options?: { readonly keepdim?: boolean | undefined }): Tensor {
    return wrap($anyDim(this.handle, dim, options?.keepdim));
  }

  /** `aten::all(Tensor self) -> Tensor` */
  all(): Tensor {
    return wrap($all(this.handle));
  }

  /** `aten::all.dim(Tensor self, int dim, bool keepdim=False) -> Tensor` */
  allDim(dim: number, options?: { readonly keepdim?: boolean | undefined }): Tensor {
    return wrap($allDim(this.handle, dim, options?.keepdim));
  }

  /** `aten::isnan(Tensor self) -> Tensor` */
  isnan(): Tensor {
    return wrap($isnan(this.handle));
  }

  /** `aten::isinf(Tensor self) -> Tensor` */
  isinf(): Tensor {
    return wrap($isinf(this.handle));
  }

  /** `aten::isfinite(Tensor self) -> Tensor` */
  isfinite(): Tensor {
    return wrap($isfinite(this.handle));
  }

  /** `aten::equal(Tensor self, Tensor other) -> bool` */
  equal(other: Operand): boolean {
    return $equal(this.handle, unwrapOperand(other)) as boolean;
  }

  /** `aten::allclose(Tensor self, Tensor other, float rtol=1.0000000000000001e-05, float atol=1e-08, bool equal_nan=False) -> bool` */
  allclose(other: Operand, options?: { readonly rtol?: number | undefined; readonly atol?: number | undefined; readonly equalNan?: boolean | undefined }): boolean {
    return $allclose(this.handle, unwrapOperand(other), options?.rtol, options?.atol, options?.equalNan) as boolean;
  }

  /** `aten::nonzero(Tensor self) -> Tensor` */
  nonzero(): Tensor {
    return wrap($nonzero(this.handle));
  }

  /** `aten::sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor` */
  sum(dim?: number | readonly number[] | null, options?: { readonly keepdim?: boolean | undefined; readonly dtype?: Dtype | undefined }): Tensor {
    return wrap($sum(this.handle, dim, options?.keepdim, dtypeCode(options?.dtype)));
  }

  /** `aten::mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor` */
  mean(dim?: number | readonly number[] | null, options?: { readonly keepdim?: boolean | undefined; readonly dtype?: Dtype | undefined }): Tensor {
    return wrap($mean(this.handle, dim, options?.keepdim, dtypeCode(options?.dtype)));
  }

  /** `aten::std.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor` */
  std(options?: { readonly dim?: number | readonly number[] | undefined; readonly correction?: Scalar | undefined; readonly keepdim?: boolean | undefined }): Tensor {
    return wrap($std(this.handle, options?.dim, options?.correction, options?.keepdim));
  }

  /** `aten::var.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor` */
  variance(options?: { readonly dim?: number | readonly number[] | undefined; readonly correction?: Scalar | undefined; readonly keepdim?: boolean | undefined }): Tensor {
    return wrap($variance(this.handle, options?.dim, options?.correction, options?.keepdim));
  }

  /** `aten::amax(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor` */
  amax(options?: { readonly dim?: number | readonly number[] | undefined; readonly keepdim?: boolean | undefined }): Tensor {
    return wrap($amax(this.handle, options?.dim, options?.keepdim));
  }

  /** `aten::amin(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor` */
  amin(options?: { readonly dim?: number | readonly number[] | undefined; readonly keepdim?: boolean | undefined }): Tensor {
    return wrap($amin(this.handle, options?.dim, options?.keepdim));
  }

  /** `aten::max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)` */
  maxDim(dim: number, options?: { readonly keepdim?: boolean | undefined }): [Tensor, Tensor] {
    return wrapAll($maxDim(this.handle, dim, options?.keepdim)) as [Tensor, Tensor];
  }

  /** `aten::min.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)` */
  minDim(dim: number, options?: { readonly keepdim?: boolean | undefined }): [Tensor, Tensor] {
    return wrapAll($minDim(this.handle, dim, options?.keepdim)) as [Tensor, Tensor];
  }

  /** `aten::argmax(Tensor self, int? dim=None, bool keepdim=False) -> Tensor` */
  argmax(options?: { readonly dim?: number | undefined; readonly keepdim?: boolean | undefined }): Tensor {
    return wrap($argmax(this.handle, options?.dim, options?.keepdim));
  }

  /** `aten::argmin(Tensor self, int? dim=None, bool keepdim=False) -> Tensor` */
  argmin(options?: { readonly dim?: number | undefined; readonly keepdim?: boolean | undefined }): Tensor {
    return wrap($argmin(this.handle, options?.dim, options?.keepdim));
  }

  /** `aten::logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor` */
  logsumexp(dim: number | readonly number[], options?: { readonly keepdim?: boolean | undefined }): Tensor {
    return wrap($logsumexp(this.handle, dim, options?.keepdim));
  }

  /** `aten::cumsum(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor` */
  cumsum(dim: number, options?: { readonly dtype?: Dtype | undefined }): Tensor {
    return wrap($cumsum(this.handle, dim, dtypeCode(options?.dtype)));
  }

  /** `aten::prod(Tensor self, *, ScalarType? dtype=None) -> Tensor` */
  prod(options?: { readonly dtype?: Dtype | undefined }): Tensor {
    return wrap($prod(this.handle, dtypeCode(options?.dtype)));
  }

  /** `aten::linalg_vector_norm(Tensor self, Scalar ord=2, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor` */
  norm(options?: { readonly ord?: Scalar | undefined; readonly dim?: number | readonly number[] | undefined; readonly keepdim?: boolean | undefined; readonly dtype?: Dtype | undefined }): Tensor {
    return wrap($norm(this.handle, options?.ord, options?.dim, options?.keepdim, dtypeCode(options?.dtype)));
  }

  /** `aten::median(Tensor self) -> Tensor` */
  median(): Tensor {
    return wrap($median(this.handle));
  }

  /** `aten::quantile(Tensor self, Tensor q, int? dim=None, bool keepdim=False, *, str interpolation="linear") -> Tensor` */
  quantile(q: Tensor, options?: { readonly dim?: number | undefined; readonly keepdim?: boolean | undefined; readonly interpolation?: string | undefined }): Tensor {
    return wrap($quantile(this.handle, q.handle, options?.dim, options?.keepdim, options?.interpolation));
  }

  /** `aten::sort(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)` */
  sort(options?: { readonly dim?: number | undefined; readonly descending?: boolean | undefined }): [Tensor, Tensor] {
    return wrapAll($sort(this.handle, options?.dim, options?.descending)) as [Tensor, Tensor];
  }

  /** `aten::argsort(Tensor self, int dim=-1, bool descending=False) -> Tensor` */
  argsort(options?: { readonly dim?: number | undefined; readonly descending?: boolean | undefined }): Tensor {
    return wrap($argsort(this.handle, options?.dim, options?.descending));
  }

  /** `aten::topk(Tensor self, SymInt k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)` */
  topk(k: number, options?: { readonly dim?: number | undefined; readonly largest?: boolean | undefined; readonly sorted?: boolean | undefined }): [Tensor, Tensor] {
    return wrapAll($topk(this.handle, k, options?.dim, options?.largest, options?.sorted)) as [Tensor, Tensor];
  }

  /** `aten::bincount(Tensor self, Tensor? weights=None, SymInt minlength=0) -> Tensor` */
  bincount(options?: { readonly weights?: Tensor | undefined; readonly minlength?: number | undefined }): Tensor {
    return wrap($bincount(this.handle, unwrap(options?.weights), options?.minlength));
  }

  /** `aten::reshape(Tensor(a) self, SymInt[] shape) -> Tensor(a)` */
  reshape(shape: readonly number[]): Tensor {
    return wrap($reshape(this.handle, shape));
  }

  /** `aten::view(Tensor(a) self, SymInt[] size) -> Tensor(a)` */
  view(size: readonly number[]): Tensor {
    return wrap($view(this.handle, size));
  }

  /** `aten::view.dtype(Tensor(a) self, ScalarType dtype) -> Tensor(a)` */
  viewDtype(dtype: Dtype): Tensor {
    return wrap($viewDtype(this.handle, dtypeCode(dtype)));
  }

  /** `aten::as_strided(Tensor(a) self, SymInt[] size, SymInt[] stride, SymInt? storage_offset=None) -> Tensor(a)` */
  asStrided(size: readonly number[], stride: readonly number[], options?: { readonly storageOffset?: number | undefined }): Tensor {
    return wrap($asStrided(this.handle, size, stride, options?.storageOffset));
  }

  /** `aten::permute(Tensor(a) self, int[] dims) -> Tensor(a)` */
  permute(dims: readonly number[]): Tensor {
    return wrap($permute(this.handle, dims));
  }

  /** `aten::transpose.int(Tensor(a) self, int dim0, int dim1) -> Tensor(a)` */
  transpose(dim0: number, dim1: number): Tensor {
    return wrap($transpose(this.handle, dim0, dim1));
  }

  /** `aten::movedim.int(Tensor(a) self, int source, int destination) -> Tensor(a)` */
  movedim(source: number, destination: number): Tensor {
    return wrap($movedim(this.handle, source, destination));
  }

  /** `aten::flatten.using_ints(Tensor(a) self, int start_dim=0, int end_dim=-1) -> Tensor(a)` */
  flatten(options?: { readonly startDim?: number | undefined; readonly endDim?: number | undefined }): Tensor {
    return wrap($flatten(this.handle, options?.startDim, options?.endDim));
  }

  /** `aten::unflatten.int(Tensor(a) self, int dim, SymInt[] sizes) -> Tensor(a)` */
  unflatten(dim: number, sizes: readonly number[]): Tensor {
    return wrap($unflatten(this.handle, dim, sizes));
  }

  /** `aten::unsqueeze(Tensor(a) self, int dim) -> Tensor(a)` */
  unsqueeze(dim: number): Tensor {
    return wrap($unsqueeze(this.handle, dim));
  }

  /** `aten::squeeze.dim(Tensor(a) self, int dim) -> Tensor(a)` */
  squeeze(dim: number): Tensor {
    return wrap($squeeze(this.handle, dim));
  }

  /** `aten::expand(Tensor(a) self, SymInt[] size, *, bool implicit=False) -> Tensor(a)` */
  expand(size: readonly number[], options?: { readonly implicit?: boolean | undefined }): Tensor {
    return wrap($expand(this.handle, size, options?.implicit));
  }

  /** `aten::repeat(Tensor self, SymInt[] repeats) -> Tensor` */
  repeat(repeats: readonly number[]): Tensor {
    return wrap($repeat(this.handle, repeats));
  }

  /** `aten::repeat_interleave.self_int(Tensor self, SymInt repeats, int? dim=None, *, SymInt? output_size=None) -> Tensor` */
  repeatInterleave(repeats: number, options?: { readonly dim?: number | undefined; readonly outputSize?: number | undefined }): Tensor {
    return wrap($repeatInterleave(this.handle, repeats, options?.dim, options?.outputSize));
  }

  /** `aten::narrow(Tensor(a) self, int dim, SymInt start, SymInt length) -> Tensor(a)` */
  narrow(dim: number, start: number, length: number): Tensor {
    return wrap($narrow(this.handle, dim, start, length));
  }

  /** `aten::select.int(Tensor(a) self, int dim, SymInt index) -> Tensor(a)` */
  select(dim: number, index: number): Tensor {
    return wrap($select(this.handle, dim, index));
  }

  /** `aten::slice.Tensor(Tensor(a) self, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> Tensor(a)` */
  slice(options?: { readonly dim?: number | undefined; readonly start?: number | undefined; readonly end?: number | undefined; readonly step?: number | undefined }): Tensor {
    return wrap($slice(this.handle, options?.dim, options?.start, options?.end, options?.step));
  }

  /** `aten::index_select(Tensor self, int dim, Tensor index) -> Tensor` */
  indexSelect(dim: number, index: Tensor): Tensor {
    return wrap($indexSelect(this.handle, dim, index.handle));
  }

  /** `aten::index.Tensor(Tensor self, Tensor?[] indices) -> Tensor` */
  index(indices: readonly (Tensor | null)[]): Tensor {
    return wrap($index(this.handle, unwrapEach(indices)));
  }

  /** `aten::index_put_(Tensor(a!) self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor(a!)` */
  indexPut_(indices: readonly (Tensor | null)[], values: Tensor, options?: { readonly accumulate?: boolean | undefined }): this {
    $indexPut_(this.handle, unwrapEach(indices), values.handle, options?.accumulate);
    return this;
  }

  /** `aten::gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor` */
  gather(dim: number, index: Tensor, options?: { readonly sparseGrad?: boolean | undefined }): Tensor {
    return wrap($gather(this.handle, dim, index.handle, options?.sparseGrad));
  }

  /** `aten::scatter.src(Tensor self, int dim, Tensor index, Tensor src) -> Tensor` */
  scatter(dim: number, index: Tensor, src: Tensor): Tensor {
    return wrap($scatter(this.handle, dim, index.handle, src.handle));
  }

  /** `aten::scatter.value(Tensor self, int dim, Tensor index, Scalar value) -> Tensor` */
  scatterValue(dim: number, index: Tensor, value: Scalar): Tensor {
    return wrap($scatterValue(this.handle, dim, index.handle, value));
  }

  /** `aten::scatter_add(Tensor self, int dim, Tensor index, Tensor src) -> Tensor` */
  scatterAdd(dim: number, index: Tensor, src: Tensor): Tensor {
    return wrap($scatterAdd(this.handle, dim, index.handle, src.handle));
  }

  /** `aten::index_add(Tensor self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor` */
  indexAdd(dim: number, index: Tensor, source: Tensor, options?: { readonly alpha?: Scalar | undefined }): Tensor {
    return wrap($indexAdd(this.handle, dim, index.handle, source.handle, options?.alpha));
  }

  /** `aten::chunk(Tensor(a -> *) self, int chunks, int dim=0) -> Tensor(a)[]` */
  chunk(chunks: number, options?: { readonly dim?: number | undefined }): Tensor[] {
    return wrapAll($chunk(this.handle, chunks, options?.dim));
  }

  /** `aten::split.Tensor(Tensor(a -> *) self, SymInt split_size, int dim=0) -> Tensor(a)[]` */
  split(splitSize: number, options?: { readonly dim?: number | undefined }): Tensor[] {
    return wrapAll($split(this.handle, splitSize, options?.dim));
  }

  /** `aten::split_with_sizes(Tensor(a -> *) self, SymInt[] split_sizes, int dim=0) -> Tensor(a)[]` */
  splitSizes(splitSizes: readonly number[], options?: { readonly dim?: number | undefined }): Tensor[] {
    return wrapAll($splitSizes(this.handle, splitSizes, options?.dim));
  }

  /** `aten::unbind.int(Tensor(a -> *) self, int dim=0) -> Tensor(a)[]` */
  unbind(options?: { readonly dim?: number | undefined }): Tensor[] {
    return wrapAll($unbind(this.handle, options?.dim));
  }

  /** `aten::flip(Tensor self, int[] dims) -> Tensor` */
  flip(dims: readonly number[]): Tensor {
    return wrap($flip(this.handle, dims));
  }

  /** `aten::roll(Tensor self, SymInt[1] shifts, int[1] dims=[]) -> Tensor` */
  roll(shifts: number | readonly number[], options?: { readonly dims?: number | readonly number[] | undefined }): Tensor {
    return wrap($roll(this.handle, shifts, options?.dims));
  }

  /** `aten::tile(Tensor self, SymInt[] dims) -> Tensor` */
  tile(dims: readonly number[]): Tensor {
    return wrap($tile(this.handle, dims));
  }

  /** `aten::pad(Tensor self, SymInt[] pad, str mode="constant", float? value=None) -> Tensor` */
  pad(pad: readonly number[], options?: { readonly mode?: string | undefined; readonly value?: number | undefined }): Tensor {
    return wrap($pad(this.handle, pad, options?.mode, options?.value));
  }

  /** `aten::unfold(Tensor(a) self, int dimension, int size, int step) -> Tensor(a)` */
  unfold(dimension: number, size: number, step: number): Tensor {
    return wrap($unfold(this.handle, dimension, size, step));
  }

  /** `aten::contiguous(Tensor(a) self, *, MemoryFormat memory_format=0) -> Tensor(a)` */
  contiguous(): Tensor {
    return wrap($contiguous(this.handle));
  }

  /** `aten::clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor` */
  clone(): Tensor {
    return wrap($clone(this.handle));
  }

  /** `aten::detach(Tensor(a) self) -> Tensor(a)` */
  detach(): Tensor {
    return wrap($detach(this.handle));
  }

  /** `aten::masked_fill.Scalar(Tensor self, Tensor mask, Scalar value) -> Tensor` */
  maskedFill(mask: Tensor, value: Scalar): Tensor {
    return wrap($maskedFill(this.handle, mask.handle, value));
  }

  /** `aten::masked_fill_.Scalar(Tensor(a!) self, Tensor mask, Scalar value) -> Tensor(a!)` */
  maskedFill_(mask: Tensor, value: Scalar): this {
    $maskedFill_(this.handle, mask.handle, value);
    return this;
  }

  /** `aten::masked_select(Tensor self, Tensor mask) -> Tensor` */
  maskedSelect(mask: Tensor): Tensor {
    return wrap($maskedSelect(this.handle, mask.handle));
  }

  /** `aten::tril(Tensor self, SymInt diagonal=0) -> Tensor` */
  tril(options?: { readonly diagonal?: number | undefined }): Tensor {
    return wrap($tril(this.handle, options?.diagonal));
  }

  /** `aten::triu(Tensor self, SymInt diagonal=0) -> Tensor` */
  triu(options?: { readonly diagonal?: number | undefined }): Tensor {
    return wrap($triu(this.handle, options?.diagonal));
  }

  /** `aten::diagonal(Tensor(a) self, int offset=0, int dim1=0, int dim2=1) -> Tensor(a)` */
  diagonal(options?: { readonly offset?: number | undefined; readonly dim1?: number | undefined; readonly dim2?: number | undefined }): Tensor {
    return wrap($diagonal(this.handle, options?.offset, options?.dim1, options?.dim2));
  }

  /** `aten::view_as_complex(Tensor(a) self) -> Tensor(a)` */
  viewAsComplex(): Tensor {
    return wrap($viewAsComplex(this.handle));
  }

  /** `aten::view_as_real(Tensor(a) self) -> Tensor(a)` */
  viewAsReal(): Tensor {
    return wrap($viewAsReal(this.handle));
  }

  /** `aten::one_hot(Tensor self, int num_classes=-1) -> Tensor` */
  oneHot(options?: { readonly numClasses?: number | undefined }): Tensor {
    return wrap($oneHot(this.handle, options?.numClasses));
  }

  /** `aten::copy_(Tensor(a!) self, Tensor src, bool non_blocking=False) -> Tensor(a!)` */
  copy_(src: Tensor, options?: { readonly nonBlocking?: boolean | undefined }): this {
    $copy_(this.handle, src.handle, options?.nonBlocking);
    return this;
  }

  /** `aten::fill_.Scalar(Tensor(a!) self, Scalar value) -> Tensor(a!)` */
  fill_(value: Scalar): this {
    $fill_(this.handle, value);
    return this;
  }

  /** `aten::zero_(Tensor(a!) self) -> Tensor(a!)` */
  zero_(): this {
    $zero_(this.handle);
    return this;
  }

  /** `aten::set_data(Tensor(a!) self, Tensor new_data) -> ()` */
  setData(newData: Tensor): void {
    $setData(this.handle, newData.handle);
  }

  /** `aten::resize_(Tensor(a!) self, SymInt[] size, *, MemoryFormat? memory_format=None) -> Tensor(a!)` */
  resize_(size: readonly number[]): this {
    $resize_(this.handle, size);
    return this;
  }

  /** `aten::to.device(Tensor(a) self, Device device, ScalarType dtype, bool non_blocking=False, bool copy=False, MemoryFormat? memory_format=None) -> Tensor(a)` */
  toDtypeDevice(device: string, dtype: Dtype, options?: { readonly nonBlocking?: boolean | undefined; readonly copy?: boolean | undefined }): Tensor {
    return wrap($toDtypeDevice(this.handle, device, dtypeCode(dtype), options?.nonBlocking, options?.copy));
  }

  /** `aten::alias(Tensor(a) self) -> Tensor(a)` */
  alias(): Tensor {
    return wrap($alias(this.handle));
  }

  /** `aten::matmul(Tensor self, Tensor other) -> Tensor` */
  matmul(other: Operand): Tensor {
    return wrap($matmul(this.handle, unwrapOperand(other)));
  }

  /** `aten::bmm(Tensor self, Tensor mat2) -> Tensor` */
  bmm(mat2: Tensor): Tensor {
    return wrap($bmm(this.handle, mat2.handle));
  }

  /** `aten::mm(Tensor self, Tensor mat2) -> Tensor` */
  mm(mat2: Tensor): Tensor {
    return wrap($mm(this.handle, mat2.handle));
  }

  /** `aten::addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor` */
  addmm(mat1: Tensor, mat2: Tensor, options?: { readonly beta?: Scalar | undefined; readonly alpha?: Scalar | undefined }): Tensor {
    return wrap($addmm(this.handle, mat1.handle, mat2.handle, options?.beta, options?.alpha));
  }

  /** `aten::baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor` */
  baddbmm(batch1: Tensor, batch2: Tensor, options?: { readonly beta?: Scalar | undefined; readonly alpha?: Scalar | undefined }): Tensor {
    return wrap($baddbmm(this.handle, batch1.handle, batch2.handle, options?.beta, options?.alpha));
  }

  /** `aten::im2col(Tensor self, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) -> Tensor` */
  im2col(kernelSize: number | readonly number[], dilation: number | readonly number[], padding: number | readonly number[], stride: number | readonly number[]): Tensor {
    return wrap($im2col(this.handle, kernelSize, dilation, padding, stride));
  }

  /** `aten::col2im(Tensor self, SymInt[2] output_size, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) -> Tensor` */
  col2im(outputSize: number | readonly number[], kernelSize: number | readonly number[], dilation: number | readonly number[], padding: number | readonly number[], stride: number | readonly number[]): Tensor {
    return wrap($col2im(this.handle, outputSize, kernelSize, dilation, padding, stride));
  }

  /** `aten::max_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, bool ceil_mode=False) -> Tensor` */
  maxPool2d(kernelSize: number | readonly number[], options?: { readonly stride?: number | readonly number[] | undefined; readonly padding?: number | readonly number[] | undefined; readonly dilation?: number | readonly number[] | undefined; readonly ceilMode?: boolean | undefined }): Tensor {
    return wrap($maxPool2d(this.handle, kernelSize, options?.stride, options?.padding, options?.dilation, options?.ceilMode));
  }

  /** `aten::max_pool3d(Tensor self, int[3] kernel_size, int[3] stride=[], int[3] padding=0, int[3] dilation=1, bool ceil_mode=False) -> Tensor` */
  maxPool3d(kernelSize: number | readonly number[], options?: { readonly stride?: number | readonly number[] | undefined; readonly padding?: number | readonly number[] | undefined; readonly dilation?: number | readonly number[] | undefined; readonly ceilMode?: boolean | undefined }): Tensor {
    return wrap($maxPool3d(this.handle, kernelSize, options?.stride, options?.padding, options?.dilation, options?.ceilMode));
  }

  /** `aten::avg_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor` */
  avgPool2d(kernelSize: number | readonly number[], options?: { readonly stride?: number | readonly number[] | undefined; readonly padding?: number | readonly number[] | undefined; readonly ceilMode?: boolean | undefined; readonly countIncludePad?: boolean | undefined; readonly divisorOverride?: number | undefined }): Tensor {
    return wrap($avgPool2d(this.handle, kernelSize, options?.stride, options?.padding, options?.ceilMode, options?.countIncludePad, options?.divisorOverride));
  }

  /** `aten::avg_pool3d(Tensor self, int[3] kernel_size, int[3] stride=[], int[3] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor` */
  avgPool3d(kernelSize: number | readonly number[], options?: { readonly stride?: number | readonly number[] | undefined; readonly padding?: number | readonly number[] | undefined; readonly ceilMode?: boolean | undefined; readonly countIncludePad?: boolean | undefined; readonly divisorOverride?: number | undefined }): Tensor {
    return wrap($avgPool3d(this.handle, kernelSize, options?.stride, options?.padding, options?.ceilMode, options?.countIncludePad, options?.divisorOverride));
  }

  /** `aten::adaptive_avg_pool2d(Tensor self, SymInt[2] output_size) -> Tensor` */
  adaptiveAvgPool2d(outputSize: number | readonly number[]): Tensor {
    return wrap($adaptiveAvgPool2d(this.handle, outputSize));
  }

  /** `aten::adaptive_avg_pool3d(Tensor self, SymInt[3] output_size) -> Tensor` */
  adaptiveAvgPool3d(outputSize: number | readonly number[]): Tensor {
    return wrap($adaptiveAvgPool3d(this.handle, outputSize));
  }

  /** `aten::cross_entropy_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, SymInt ignore_index=-100, float label_smoothing=0.) -> Tensor` */
  crossEntropyLoss(target: Tensor, options?: { readonly weight?: Tensor | undefined; readonly reduction?: number | undefined; readonly ignoreIndex?: number | undefined; readonly labelSmoothing?: number | undefined }): Tensor {
    return wrap($crossEntropyLoss(this.handle, target.handle, unwrap(options?.weight), options?.reduction, options?.ignoreIndex, options?.labelSmoothing));
  }

  /** `aten::nll_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, SymInt ignore_index=-100) -> Tensor` */
  nllLoss(target: Tensor, options?: { readonly weight?: Tensor | undefined; readonly reduction?: number | undefined; readonly ignoreIndex?: number | undefined }): Tensor {
    return wrap($nllLoss(this.handle, target.handle, unwrap(options?.weight), options?.reduction, options?.ignoreIndex));
  }

  /** `aten::binary_cross_entropy_with_logits(Tensor self, Tensor target, Tensor? weight=None, Tensor? pos_weight=None, int reduction=1) -> Tensor` */
  binaryCrossEntropyWithLogits(target: Tensor, options?: { readonly weight?: Tensor | undefined; readonly posWeight?: Tensor | undefined; readonly reduction?: number | undefined }): Tensor {
    return wrap($binaryCrossEntropyWithLogits(this.handle, target.handle, unwrap(options?.weight), unwrap(options?.posWeight), options?.reduction));
  }

  /** `aten::binary_cross_entropy(Tensor self, Tensor target, Tensor? weight=None, int reduction=1) -> Tensor` */
  binaryCrossEntropy(target: Tensor, options?: { readonly weight?: Tensor | undefined; readonly reduction?: number | undefined }): Tensor {
    return wrap($binaryCrossEntropy(this.handle, target.handle, unwrap(options?.weight), options?.reduction));
  }

  /** `aten::mse_loss(Tensor self, Tensor target, int reduction=1) -> Tensor` */
  mseLoss(target: Tensor, options?: { readonly reduction?: number | undefined }): Tensor {
    return wrap($mseLoss(this.handle, target.handle, options?.reduction));
  }

  /** `aten::l1_loss(Tensor self, Tensor target, int reduction=1) -> Tensor` */
  l1Loss(target: Tensor, options?: { readonly reduction?: number | undefined }): Tensor {
    return wrap($l1Loss(this.handle, target.handle, options?.reduction));
  }

  /** `aten::smooth_l1_loss(Tensor self, Tensor target, int reduction=1, float beta=1.) -> Tensor` */
  smoothL1Loss(target: Tensor, options?: { readonly reduction?: number | undefined; readonly beta?: number | undefined }): Tensor {
    return wrap($smoothL1Loss(this.handle, target.handle, options?.reduction, options?.beta));
  }

  /** `aten::zeros_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor` */
  zerosLike(options?: { readonly dtype?: Dtype | undefined; readonly device?: string | undefined }): Tensor {
    return wrap($zerosLike(this.handle, dtypeCode(options?.dtype), undefined, options?.device));
  }

  /** `aten::ones_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor` */
  onesLike(options?: { readonly dtype?: Dtype | undefined; readonly device?: string | undefined }): Tensor {
    return wrap($onesLike(this.handle, dtypeCode(options?.dtype), undefined, options?.device));
  }

  /** `aten::empty_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor` */
  emptyLike(options?: { readonly dtype?: Dtype | undefined; readonly device?: string | undefined }): Tensor {
    return wrap($emptyLike(this.handle, dtypeCode(options?.dtype), undefined, options?.device));
  }

  /** `aten::full_like(Tensor self, Scalar fill_value, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor` */
  fullLike(fillValue: Scalar, options?: { readonly dtype?: Dtype | undefined; readonly device?: string | undefined }): Tensor {
    return wrap($fullLike(this.handle, fillValue, dtypeCode(options?.dtype), undefined, options?.device));
  }

  /** `aten::rand_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor` */
  randLike(options?: { readonly dtype?: Dtype | undefined; readonly device?: string | undefined }): Tensor {
    return wrap($randLike(this.handle, dtypeCode(options?.dtype), undefined, options?.device));
  }

  /** `aten::randn_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor` */
  randnLike(options?: { readonly dtype?: Dtype | undefined; readonly device?: string | undefined }): Tensor {
    return wrap($randnLike(this.handle, dtypeCode(options?.dtype), undefined, options?.device));
  }

  /** `aten::uniform_(Tensor(a!) self, float from=0., float to=1., *, Generator? generator=None) -> Tensor(a!)` */
  uniform_(options?: { readonly from?: number | undefined; readonly to?: number | undefined }): this {
    $uniform_(this.handle, options?.from, options?.to);
    return this;
  }

  /** `aten::normal_(Tensor(a!) self, float mean=0., float std=1., *, Generator? generator=None) -> Tensor(a!)` */
  normal_(options?: { readonly mean?: number | undefined; readonly std?: number | undefined }): this {
    $normal_(this.handle, options?.mean, options?.std);
    return this;
  }

  /** `aten::bernoulli_.float(Tensor(a!) self, float p=0.5, *, Generator? generator=None) -> Tensor(a!)` */
  bernoulli_(options?: { readonly p?: number | undefined }): this {
    $bernoulli_(this.handle, options?.p);
    return this;
  }
}

/** `aten::complex(Tensor real, Tensor imag) -> Tensor` */
export function complex(real: Tensor, imag: Tensor): Tensor {
  return wrap($complex(real.handle, imag.handle));
}

/** `aten::where.self(Tensor condition, Tensor self, Tensor other) -> Tensor` */
export function where(condition: Tensor, self: Tensor, other: Operand): Tensor {
  return wrap($where(condition.handle, self.handle, unwrapOperand(other)));
}

/** `aten::cat(Tensor[] tensors, int dim=0) -> Tensor` */
export function cat(tensors: readonly Tensor[], options?: { readonly dim?: number | undefined }): Tensor {
  return wrap($cat(unwrapAll(tensors), options?.dim));
}

/** `aten::stack(Tensor[] tensors, int dim=0) -> Tensor` */
export function stack(tensors: readonly Tensor[], options?: { readonly dim?: number | undefined }): Tensor {
  return wrap($stack(unwrapAll(tensors), options?.dim));
}

/** `aten::meshgrid.indexing(Tensor[] tensors, *, str indexing) -> Tensor[]` */
export function meshgrid(tensors: readonly Tensor[], indexing: string): Tensor[] {
  return wrapAll($meshgrid(unwrapAll(tensors), indexing));
}

/** `aten::einsum(str equation, Tensor[] tensors, *, int[]? path=None) -> Tensor` */
export function einsum(equation: string, tensors: readonly Tensor[], options?: { readonly path?: readonly number[] | undefined }): Tensor {
  return wrap($einsum(equation, unwrapAll(tensors), options?.path));
}

/** `aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor` */
export function linear(input: Tensor, weight: Tensor, options?: { readonly bias?: Tensor | undefined }): Tensor {
  return wrap($linear(input.handle, weight.handle, unwrap(options?.bias)));
}

/** `aten::scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float dropout_p=0., bool is_causal=False, *, float? scale=None, bool enable_gqa=False) -> Tensor` */
export function scaledDotProductAttention(query: Tensor, key: Tensor, value: Tensor, options?: { readonly attnMask?: Tensor | undefined; readonly dropoutP?: number | undefined; readonly isCausal?: boolean | undefined; readonly scale?: number | undefined; readonly enableGqa?: boolean | undefined }): Tensor {
  return wrap($scaledDotProductAttention(query.handle, key.handle, value.handle, unwrap(options?.attnMask), options?.dropoutP, options?.isCausal, options?.scale, options?.enableGqa));
}

/** `aten::conv1d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[1] stride=[1], SymInt[1] padding=[0], SymInt[1] dilation=[1], SymInt groups=1) -> Tensor` */
export function conv1d(input: Tensor, weight: Tensor, options?: { readonly bias?: Tensor | undefined; readonly stride?: number | readonly number[] | undefined; readonly padding?: number | readonly number[] | undefined; readonly dilation?: number | readonly number[] | undefined; readonly groups?: number | undefined }): Tensor {
  return wrap($conv1d(input.handle, weight.handle, unwrap(options?.bias), options?.stride, options?.padding, options?.dilation, options?.groups));
}

/** `aten::conv2d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=[1, 1], SymInt[2] padding=[0, 0], SymInt[2] dilation=[1, 1], SymInt groups=1) -> Tensor` */
export function conv2d(input: Tensor, weight: Tensor, options?: { readonly bias?: Tensor | undefined; readonly stride?: number | readonly number[] | undefined; readonly padding?: number | readonly number[] | undefined; readonly dilation?: number | readonly number[] | undefined; readonly groups?: number | undefined }): Tensor {
  return wrap($conv2d(input.handle, weight.handle, unwrap(options?.bias), options?.stride, options?.padding, options?.dilation, options?.groups));
}

/** `aten::conv3d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[3] stride=[1, 1, 1], SymInt[3] padding=[0, 0, 0], SymInt[3] dilation=[1, 1, 1], SymInt groups=1) -> Tensor` */
export function conv3d(input: Tensor, weight: Tensor, options?: { readonly bias?: Tensor | undefined; readonly stride?: number | readonly number[] | undefined; readonly padding?: number | readonly number[] | undefined; readonly dilation?: number | readonly number[] | undefined; readonly groups?: number | undefined }): Tensor {
  return wrap($conv3d(input.handle, weight.handle, unwrap(options?.bias), options?.stride, options?.padding, options?.dilation, options?.groups));
}

/** `aten::conv_transpose2d.input(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=[1, 1], SymInt[2] padding=[0, 0], SymInt[2] output_padding=[0, 0], SymInt groups=1, SymInt[2] dilation=[1, 1]) -> Tensor` */
export function convTranspose2d(input: Tensor, weight: Tensor, options?: { readonly bias?: Tensor | undefined; readonly stride?: number | readonly number[] | undefined; readonly padding?: number | readonly number[] | undefined; readonly outputPadding?: number | readonly number[] | undefined; readonly groups?: number | undefined; readonly dilation?: number | readonly number[] | undefined }): Tensor {
  return wrap($convTranspose2d(input.handle, weight.handle, unwrap(options?.bias), options?.stride, options?.padding, options?.outputPadding, options?.groups, options?.dilation));
}

/** `aten::conv_transpose3d.input(Tensor input, Tensor weight, Tensor? bias=None, SymInt[3] stride=[1, 1, 1], SymInt[3] padding=[0, 0, 0], SymInt[3] output_padding=[0, 0, 0], SymInt groups=1, SymInt[3] dilation=[1, 1, 1]) -> Tensor` */
export function convTranspose3d(input: Tensor, weight: Tensor, options?: { readonly bias?: Tensor | undefined; readonly stride?: number | readonly number[] | undefined; readonly padding?: number | readonly number[] | undefined; readonly outputPadding?: number | readonly number[] | undefined; readonly groups?: number | undefined; readonly dilation?: number | readonly number[] | undefined }): Tensor {
  return wrap($convTranspose3d(input.handle, weight.handle, unwrap(options?.bias), options?.stride, options?.padding, options?.outputPadding, options?.groups, options?.dilation));
}

/** `aten::layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float eps=1.0000000000000001e-05, bool cudnn_enable=True) -> Tensor` */
export function layerNorm(input: Tensor, normalizedShape: readonly number[], options?: { readonly weight?: Tensor | undefined; readonly bias?: Tensor | undefined; readonly eps?: number | undefined; readonly cudnnEnable?: boolean | undefined }): Tensor {
  return wrap($layerNorm(input.handle, normalizedShape, unwrap(options?.weight), unwrap(options?.bias), options?.eps, options?.cudnnEnable));
}

/** `aten::group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float eps=1.0000000000000001e-05, bool cudnn_enabled=True) -> Tensor` */
export function groupNorm(input: Tensor, numGroups: number, options?: { readonly weight?: Tensor | undefined; readonly bias?: Tensor | undefined; readonly eps?: number | undefined; readonly cudnnEnabled?: boolean | undefined }): Tensor {
  return wrap($groupNorm(input.handle, numGroups, unwrap(options?.weight), unwrap(options?.bias), options?.eps, options?.cudnnEnabled));
}

/** `aten::instance_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool use_input_stats, float momentum, float eps, bool cudnn_enabled) -> Tensor` */
export function instanceNorm(input: Tensor, weight: Tensor | null, bias: Tensor | null, runningMean: Tensor | null, runningVar: Tensor | null, useInputStats: boolean, momentum: number, eps: number, cudnnEnabled: boolean): Tensor {
  return wrap($instanceNorm(input.handle, unwrap(weight), unwrap(bias), unwrap(runningMean), unwrap(runningVar), useInputStats, momentum, eps, cudnnEnabled));
}

/** `aten::batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps, bool cudnn_enabled) -> Tensor` */
export function batchNorm(input: Tensor, weight: Tensor | null, bias: Tensor | null, runningMean: Tensor | null, runningVar: Tensor | null, training: boolean, momentum: number, eps: number, cudnnEnabled: boolean): Tensor {
  return wrap($batchNorm(input.handle, unwrap(weight), unwrap(bias), unwrap(runningMean), unwrap(runningVar), training, momentum, eps, cudnnEnabled));
}

/** `aten::embedding(Tensor weight, Tensor indices, SymInt padding_idx=-1, bool scale_grad_by_freq=False, bool sparse=False) -> Tensor` */
export function embedding(weight: Tensor, indices: Tensor, options?: { readonly paddingIdx?: number | undefined; readonly scaleGradByFreq?: boolean | undefined; readonly sparse?: boolean | undefined }): Tensor {
  return wrap($embedding(weight.handle, indices.handle, options?.paddingIdx, options?.scaleGradByFreq, options?.sparse));
}

/** `aten::dropout(Tensor input, float p, bool train) -> Tensor` */
export function dropout(input: Tensor, p: number, train: boolean): Tensor {
  return wrap($dropout(input.handle, p, train));
}

/** `aten::feature_dropout(Tensor input, float p, bool train) -> Tensor` */
export function featureDropout(input: Tensor, p: number, train: boolean): Tensor {
  return wrap($featureDropout(input.handle, p, train));
}

/** `aten::upsample_nearest1d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor` */
export function upsampleNearest1d(input: Tensor, outputSize?: readonly number[] | null, scaleFactors?: readonly number[] | null): Tensor {
  return wrap($upsampleNearest1d(input.handle, outputSize, scaleFactors));
}

/** `aten::upsample_nearest2d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor` */
export function upsampleNearest2d(input: Tensor, outputSize?: readonly number[] | null, scaleFactors?: readonly number[] | null): Tensor {
  return wrap($upsampleNearest2d(input.handle, outputSize, scaleFactors));
}

/** `aten::upsample_nearest3d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor` */
export function upsampleNearest3d(input: Tensor, outputSize?: readonly number[] | null, scaleFactors?: readonly number[] | null): Tensor {
  return wrap($upsampleNearest3d(input.handle, outputSize, scaleFactors));
}

/** `aten::_upsample_nearest_exact2d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor` */
export function upsampleNearestExact2d(input: Tensor, outputSize?: readonly number[] | null, scaleFactors?: readonly number[] | null): Tensor {
  return wrap($upsampleNearestExact2d(input.handle, outputSize, scaleFactors));
}

/** `aten::upsample_bilinear2d.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor` */
export function upsampleBilinear2d(input: Tensor, outputSize: readonly number[] | null, alignCorners: boolean, scaleFactors?: readonly number[] | null): Tensor {
  return wrap($upsampleBilinear2d(input.handle, outputSize, alignCorners, scaleFactors));
}

/** `aten::_upsample_bilinear2d_aa.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor` */
export function upsampleBilinear2dAntialias(input: Tensor, outputSize: readonly number[] | null, alignCorners: boolean, scaleFactors?: readonly number[] | null): Tensor {
  return wrap($upsampleBilinear2dAntialias(input.handle, outputSize, alignCorners, scaleFactors));
}

/** `aten::upsample_bicubic2d.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor` */
export function upsampleBicubic2d(input: Tensor, outputSize: readonly number[] | null, alignCorners: boolean, scaleFactors?: readonly number[] | null): Tensor {
  return wrap($upsampleBicubic2d(input.handle, outputSize, alignCorners, scaleFactors));
}

/** `aten::_upsample_bicubic2d_aa.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor` */
export function upsampleBicubic2dAntialias(input: Tensor, outputSize: readonly number[] | null, alignCorners: boolean, scaleFactors?: readonly number[] | null): Tensor {
  return wrap($upsampleBicubic2dAntialias(input.handle, outputSize, alignCorners, scaleFactors));
}

/** `aten::upsample_trilinear3d.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor` */
export function upsampleTrilinear3d(input: Tensor, outputSize: readonly number[] | null, alignCorners: boolean, scaleFactors?: readonly number[] | null): Tensor {
  return wrap($upsampleTrilinear3d(input.handle, outputSize, alignCorners, scaleFactors));
}

/** `aten::grid_sampler(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners) -> Tensor` */
export function gridSampler(input: Tensor, grid: Tensor, interpolationMode: number, paddingMode: number, alignCorners: boolean): Tensor {
  return wrap($gridSampler(input.handle, grid.handle, interpolationMode, paddingMode, alignCorners));
}

/** `aten::affine_grid_generator(Tensor theta, SymInt[] size, bool align_corners) -> Tensor` */
export function affineGridGenerator(theta: Tensor, size: readonly number[], alignCorners: boolean): Tensor {
  return wrap($affineGridGenerator(theta.handle, size, alignCorners));
}

/** `aten::empty.memory_format(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor` */
export function emptyOp(size: readonly number[], options?: { readonly dtype?: Dtype | undefined; readonly device?: string | undefined }): Tensor {
  return wrap($emptyOp(size, dtypeCode(options?.dtype), undefined, options?.device));
}

/** `aten::full(SymInt[] size, Scalar fill_value, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor` */
export function fullOp(size: readonly number[], fillValue: Scalar, options?: { readonly dtype?: Dtype | undefined; readonly device?: string | undefined }): Tensor {
  return wrap($fullOp(size, fillValue, dtypeCode(options?.dtype), undefined, options?.device));
}

/** `aten::arange.start_step(Scalar start, Scalar end, Scalar step=1, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor` */
export function arangeOp(start: Scalar, end: Scalar, options?: { readonly step?: Scalar | undefined; readonly dtype?: Dtype | undefined; readonly device?: string | undefined }): Tensor {
  return wrap($arangeOp(start, end, options?.step, dtypeCode(options?.dtype), undefined, options?.device));
}

/** `aten::linspace(Scalar start, Scalar end, int steps, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor` */
export function linspaceOp(start: Scalar, end: Scalar, steps: number, options?: { readonly dtype?: Dtype | undefined; readonly device?: string | undefined }): Tensor {
  return wrap($linspaceOp(start, end, steps, dtypeCode(options?.dtype), undefined, options?.device));
}

/** `aten::eye(SymInt n, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor` */
export function eyeOp(n: number, options?: { readonly dtype?: Dtype | undefined; readonly device?: string | undefined }): Tensor {
  return wrap($eyeOp(n, dtypeCode(options?.dtype), undefined, options?.device));
}

/** `aten::rand(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor` */
export function randOp(size: readonly number[], options?: { readonly dtype?: Dtype | undefined; readonly device?: string | undefined }): Tensor {
  return wrap($randOp(size, dtypeCode(options?.dtype), undefined, options?.device));
}

/** `aten::randn(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor` */
export function randnOp(size: readonly number[], options?: { readonly dtype?: Dtype | undefined; readonly device?: string | undefined }): Tensor {
  return wrap($randnOp(size, dtypeCode(options?.dtype), undefined, options?.device));
}

/** `aten::randint.low(SymInt low, SymInt high, SymInt[] size, *, ScalarType? dtype=4, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor` */
export function randintOp(low: number, high: number, size: readonly number[], options?: { readonly dtype?: Dtype | undefined; readonly device?: string | undefined }): Tensor {
  return wrap($randintOp(low, high, size, dtypeCode(options?.dtype), undefined, options?.device));
}

/** `aten::randperm(SymInt n, *, ScalarType? dtype=4, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor` */
export function randpermOp(n: number, options?: { readonly dtype?: Dtype | undefined; readonly device?: string | undefined }): Tensor {
  return wrap($randpermOp(n, dtypeCode(options?.dtype), undefined, options?.device));
}

/** `aten::from_file(str filename, bool? shared=None, int? size=0, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor` */
export function fromFile(filename: string, options?: { readonly shared?: boolean | undefined; readonly size?: number | undefined; readonly dtype?: Dtype | undefined; readonly device?: string | undefined }): Tensor {
  return wrap($fromFile(filename, options?.shared, options?.size, dtypeCode(options?.dtype), undefined, options?.device));
}

/** `aten::_foreach_add_.Scalar(Tensor(a!)[] self, Scalar scalar) -> ()` */
export function foreachAdd_(self: readonly Tensor[], scalar: Scalar): void {
  $foreachAdd_(unwrapAll(self), scalar);
}

/** `aten::_foreach_add_.List(Tensor(a!)[] self, Tensor[] other, *, Scalar alpha=1) -> ()` */
export function foreachAddList_(self: readonly Tensor[], other: readonly Tensor[], options?: { readonly alpha?: Scalar | undefined }): void {
  $foreachAddList_(unwrapAll(self), unwrapAll(other), options?.alpha);
}

/** `aten::_foreach_sub_.List(Tensor(a!)[] self, Tensor[] other, *, Scalar alpha=1) -> ()` */
export function foreachSubList_(self: readonly Tensor[], other: readonly Tensor[], options?: { readonly alpha?: Scalar | undefined }): void {
  $foreachSubList_(unwrapAll(self), unwrapAll(other), options?.alpha);
}

/** `aten::_foreach_mul_.Scalar(Tensor(a!)[] self, Scalar scalar) -> ()` */
export function foreachMul_(self: readonly Tensor[], scalar: Scalar): void {
  $foreachMul_(unwrapAll(self), scalar);
}

/** `aten::_foreach_mul_.Tensor(Tensor(a!)[] self, Tensor other) -> ()` */
export function foreachMulTensor_(self: readonly Tensor[], other: Operand): void {
  $foreachMulTensor_(unwrapAll(self), unwrapOperand(other));
}

/** `aten::_foreach_div_.List(Tensor(a!)[] self, Tensor[] other) -> ()` */
export function foreachDivList_(self: readonly Tensor[], other: readonly Tensor[]): void {
  $foreachDivList_(unwrapAll(self), unwrapAll(other));
}

/** `aten::_foreach_addcmul_.Scalar(Tensor(a!)[] self, Tensor[] tensor1, Tensor[] tensor2, Scalar value=1) -> ()` */
export function foreachAddcmul_(self: readonly Tensor[], tensor1: readonly Tensor[], tensor2: readonly Tensor[], options?: { readonly value?: Scalar | undefined }): void {
  $foreachAddcmul_(unwrapAll(self), unwrapAll(tensor1), unwrapAll(tensor2), options?.value);
}

/** `aten::_foreach_addcdiv_.Scalar(Tensor(a!)[] self, Tensor[] tensor1, Tensor[] tensor2, Scalar value=1) -> ()` */
export function foreachAddcdiv_(self: readonly Tensor[], tensor1: readonly Tensor[], tensor2: readonly Tensor[], options?: { readonly value?: Scalar | undefined }): void {
  $foreachAddcdiv_(unwrapAll(self), unwrapAll(tensor1), unwrapAll(tensor2), options?.value);
}

/** `aten::_foreach_addcdiv_.ScalarList(Tensor(a!)[] self, Tensor[] tensor1, Tensor[] tensor2, Scalar[] scalars) -> ()` */
export function foreachAddcdivEach_(self: readonly Tensor[], tensor1: readonly Tensor[], tensor2: readonly Tensor[], scalars: readonly Scalar[]): void {
  $foreachAddcdivEach_(unwrapAll(self), unwrapAll(tensor1), unwrapAll(tensor2), scalars);
}

/** `aten::_foreach_lerp_.Scalar(Tensor(a!)[] self, Tensor[] tensors1, Scalar weight) -> ()` */
export function foreachLerp_(self: readonly Tensor[], tensors1: readonly Tensor[], weight: Scalar): void {
  $foreachLerp_(unwrapAll(self), unwrapAll(tensors1), weight);
}

/** `aten::_foreach_sqrt(Tensor[] self) -> Tensor[]` */
export function foreachSqrt(self: readonly Tensor[]): Tensor[] {
  return wrapAll($foreachSqrt(unwrapAll(self)));
}

/** `aten::_foreach_norm.Scalar(Tensor[] self, Scalar ord=2, ScalarType? dtype=None) -> Tensor[]` */
export function foreachNorm(self: readonly Tensor[], options?: { readonly ord?: Scalar | undefined; readonly dtype?: Dtype | undefined }): Tensor[] {
  return wrapAll($foreachNorm(unwrapAll(self), options?.ord, dtypeCode(options?.dtype)));
}

/** `aten::_foreach_zero_(Tensor(a!)[] self) -> ()` */
export function foreachZero_(self: readonly Tensor[]): void {
  $foreachZero_(unwrapAll(self));
}

/** `aten::_foreach_copy_(Tensor(a!)[] self, Tensor[] src, bool non_blocking=False) -> ()` */
export function foreachCopy_(self: readonly Tensor[], src: readonly Tensor[], options?: { readonly nonBlocking?: boolean | undefined }): void {
  $foreachCopy_(unwrapAll(self), unwrapAll(src), options?.nonBlocking);
}

/** `aten::_fused_adamw_(Tensor(a!)[] self, Tensor(b!)[] grads, Tensor(c!)[] exp_avgs, Tensor(d!)[] exp_avg_sqs, Tensor(e!)[] max_exp_avg_sqs, Tensor[] state_steps, *, float lr, float beta1, float beta2, float weight_decay, float eps, bool amsgrad, bool maximize, Tensor? grad_scale=None, Tensor? found_inf=None) -> ()` */
export function fusedAdamw_(self: readonly Tensor[], grads: readonly Tensor[], expAvgs: readonly Tensor[], expAvgSqs: readonly Tensor[], maxExpAvgSqs: readonly Tensor[], stateSteps: readonly Tensor[], lr: number, beta1: number, beta2: number, weightDecay: number, eps: number, amsgrad: boolean, maximize: boolean): void {
  $fusedAdamw_(unwrapAll(self), unwrapAll(grads), unwrapAll(expAvgs), unwrapAll(expAvgSqs), unwrapAll(maxExpAvgSqs), unwrapAll(stateSteps), lr, beta1, beta2, weightDecay, eps, amsgrad, maximize);
}

/** `aten::_fused_sgd_(Tensor(a!)[] self, Tensor(b!)[] grads, Tensor(c!)[] momentum_buffer_list, *, float weight_decay, float momentum, float lr, float dampening, bool nesterov, bool maximize, bool is_first_step, Tensor? grad_scale=None, Tensor? found_inf=None) -> ()` */
export function fusedSgd_(self: readonly Tensor[], grads: readonly Tensor[], momentumBufferList: readonly Tensor[], weightDecay: number, momentum: number, lr: number, dampening: number, nesterov: boolean, maximize: boolean, isFirstStep: boolean): void {
  $fusedSgd_(unwrapAll(self), unwrapAll(grads), unwrapAll(momentumBufferList), weightDecay, momentum, lr, dampening, nesterov, maximize, isFirstStep);
}
