/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Builds each step's descriptor set, dispatch and accesses, and the barriers between steps. */
#include "exec/executor-steps.h"

#include "exec/operator.h"
#include "exec/winograd.h"

/* Bytes of a Winograd band's evaluated values, about; the arena has this much memory beside the
 * tensors. Bands that fit a CPU's cache would gain 5 % on one thread and lose more on several,
 * which wait for each other after each step. */
#define BAND_BYTES (16 << 20)

static VkDeviceSize view_size(VkDeviceSize size)
{
    return size / 256 % 256 ? size : size + VIEW_SLACK;
}

static VkFormat format_of(const LmExecutor *executor)
{
    return executor->variant & LM_VARIANT_FP16 ? VK_FORMAT_R16G16B16A16_SFLOAT
                                               : VK_FORMAT_R32G32B32A32_SFLOAT;
}

static VkBufferView add_view(LmExecutor *executor, const LmBuffer *buffer, VkFormat format,
                             VkDeviceSize offset, VkDeviceSize size, const char *name,
                             GError **error)
{
    VkBufferView view = lm_buffer_view(buffer, format, offset, size, name, error);
    if (view != VK_NULL_HANDLE)
        g_array_append_val(executor->views, view);
    return view;
}

/* A view of a tensor from plane `first` on. True if there is no tensor. */
static bool view_tensor(LmExecutor *executor, LmTensorId id, int first, VkBufferView *view,
                        GError **error)
{
    if (id == LM_NO_TENSOR)
        return true;
    const LmTensor *tensor = lm_graph_tensor(executor->graph, id);
    const VkDescriptorBufferInfo range = tensor_range(executor, id);
    const VkDeviceSize skip =
        (VkDeviceSize)first * lm_tensor_plane_stride(tensor) * texel_bytes(executor);
    *view = add_view(executor, &executor->arena, format_of(executor), range.offset + skip,
                     range.range - skip, tensor->name, error);
    return *view != VK_NULL_HANDLE;
}

/* Bytes of an operator's parameters for one unit of its output; `size`: of all its parameters. */
static VkDeviceSize parameter_unit(const LmKernel *kernel, VkDeviceSize size)
{
    return size / (VkDeviceSize)lm_ceil_div(kernel->y->planes, lm_operator_granularity(kernel));
}

/* An operator's output is split into multiples of this many planes: whole units, whose parameters
 * have the alignment of views. */
static int split_granularity(const LmExecutor *executor, guint index)
{
    const LmKernel *kernel = &executor->kernels[index];
    const Parameters *parameters = &executor->parameters[index];
    VkDeviceSize weights = parameter_unit(kernel, parameters->weights_size);
    VkDeviceSize bias = parameter_unit(kernel, parameters->bias_size);
    VkDeviceSize units = 1, alignment = executor->device->min_offset_alignment;
    while (units * weights % alignment || units * bias % alignment)
        units++;
    return (int)units * lm_operator_granularity(kernel);
}

/* A view of the planes' share of an operator's parameters (equally many for every output plane), or
 * none if there are none. */
static bool view_parameters(LmExecutor *executor, const LmKernel *kernel, LmPlanes planes,
                            VkFormat format, VkDeviceSize offset, VkDeviceSize size,
                            VkBufferView *view, GError **error)
{
    if (size == 0)
        return true;
    VkDeviceSize skip = (VkDeviceSize)(planes.first / lm_operator_granularity(kernel)) *
                        parameter_unit(kernel, size);
    *view = add_view(executor, &executor->weights, format, offset + skip, view_size(size - skip),
                     kernel->op->name, error);
    return *view != VK_NULL_HANDLE;
}

/* The part of a tensor's range that holds these planes. */
static VkDescriptorBufferInfo planes_of(const LmExecutor *executor, LmTensorId id, LmPlanes planes)
{
    VkDescriptorBufferInfo range = tensor_range(executor, id);
    const VkDeviceSize plane =
        lm_tensor_plane_stride(lm_graph_tensor(executor->graph, id)) * texel_bytes(executor);
    range.offset += (VkDeviceSize)planes.first * plane;
    range.range = (VkDeviceSize)planes.n * plane;
    return range;
}

static bool bind_step(LmExecutor *executor, guint index, LmPlanes planes, LmBindings *bindings,
                      GError **error)
{
    const LmKernel *kernel = &executor->kernels[index];
    const Parameters *parameters = &executor->parameters[index];
    const LmOp *op = kernel->op;
    if (!view_tensor(executor, op->input, planes.first * lm_operator_input_planes(kernel),
                     &bindings->inputs[0], error) ||
        !view_tensor(executor, op->residual, planes.first, &bindings->inputs[1], error) ||
        !view_tensor(executor, op->channel_scale, 0, &bindings->inputs[2], error) ||
        !view_parameters(executor, kernel, planes, format_of(executor), parameters->weights_offset,
                         parameters->weights_size, &bindings->weights, error) ||
        !view_parameters(executor, kernel, planes, VK_FORMAT_R32G32B32A32_SFLOAT,
                         parameters->bias_offset, parameters->bias_size, &bindings->bias, error))
        return false;
    if (op->squeeze_excite) {
        bindings->inputs[3] = add_view(executor, &executor->weights, format_of(executor),
                                       parameters->squeeze_excite_offset,
                                       view_size(parameters->squeeze_excite_size), op->name, error);
        if (bindings->inputs[3] == VK_NULL_HANDLE)
            return false;
    }
    /* A shader built without residual, channel scale or bias still declares their bindings: they
     * alias the input. */
    for (int i = 1; i < LM_MAX_INPUTS; i++)
        if (bindings->inputs[i] == VK_NULL_HANDLE)
            bindings->inputs[i] = bindings->inputs[0];
    if (bindings->bias == VK_NULL_HANDLE)
        bindings->bias = bindings->inputs[0];
    bindings->outputs[0] = planes_of(executor, op->output, planes);
    bindings->outputs[1] = op->partial_sums == LM_NO_TENSOR
                               ? bindings->outputs[0]
                               : planes_of(executor, op->partial_sums, planes);
    return true;
}

static void add_access(Step *step, VkDeviceSize offset, VkDeviceSize size, bool written)
{
    g_assert(step->n_accesses < MAX_ACCESSES);
    step->accesses[step->n_accesses++] = (Access){offset, offset + size, written};
}

static void add_reads(const LmExecutor *executor, Step *step, LmTensorId id)
{
    if (id == LM_NO_TENSOR)
        return;
    const VkDescriptorBufferInfo range = tensor_range(executor, id);
    add_access(step, range.offset, range.range, false);
}

/* Adds a step for a dispatch and its inputs. */
static bool add_step(LmExecutor *executor, Step *step, const LmBindings *bindings, GError **error)
{
    add_access(step, bindings->outputs[0].offset, bindings->outputs[0].range, true);
    step->set = lm_descriptors_add(&executor->descriptors, bindings, error);
    g_array_append_val(executor->steps, *step);
    return step->set != VK_NULL_HANDLE;
}

static bool build_step(LmExecutor *executor, guint index, LmPlanes planes, GError **error)
{
    const LmKernel *kernel = &executor->kernels[index];
    const LmOp *op = kernel->op;
    Step step = {.op = index, .last = planes.first + planes.n == kernel->y->planes};
    LmBindings bindings = {0};

    lm_operator_dispatch(kernel, planes, &step.dispatch);
    add_reads(executor, &step, op->input);
    add_reads(executor, &step, op->residual);
    add_reads(executor, &step, op->channel_scale);
    if (!bind_step(executor, index, planes, &bindings, error))
        return false;
    if (op->partial_sums != LM_NO_TENSOR)
        add_access(&step, bindings.outputs[1].offset, bindings.outputs[1].range, true);
    return add_step(executor, &step, &bindings, error);
}

/* The range in the arena of the evaluated values, of input or output, of `rows` rows of a Winograd
 * convolution's tiles. */
static VkDescriptorBufferInfo evaluated(const LmExecutor *executor, const LmKernel *kernel,
                                        bool output, int rows)
{
    VkDeviceSize texel = texel_bytes(executor);
    VkDeviceSize input = view_size(lm_winograd_texels(kernel, kernel->x, rows) * texel);
    if (!output)
        return (VkDescriptorBufferInfo){executor->arena.handle, executor->scratch, input};
    return (VkDescriptorBufferInfo){executor->arena.handle, executor->scratch + align(input),
                                    view_size(lm_winograd_texels(kernel, kernel->y, rows) * texel)};
}

/* The steps of a band. whole: the bindings of conv.comp. */
static bool build_winograd(LmExecutor *executor, guint index, LmWinogradBand band,
                           const LmBindings *whole, GError **error)
{
    const LmKernel *kernel = &executor->kernels[index];
    const LmOp *op = kernel->op;
    const VkDescriptorBufferInfo values[2] = {evaluated(executor, kernel, false, band.n),
                                              evaluated(executor, kernel, true, band.n)};
    for (int i = 0; i < LM_N_WINOGRAD_STEPS; i++) {
        Step step = {.op = index,
                     .last = i == LM_WINOGRAD_OUTPUT &&
                             band.first + band.n == lm_winograd_rows(kernel)};
        LmBindings bindings = *whole;
        lm_winograd_dispatch(kernel, i, band, &step.dispatch);
        if (i == LM_WINOGRAD_INPUT) {
            add_reads(executor, &step, op->input);
        } else {
            /* The output of the step before. */
            const VkDescriptorBufferInfo *from = &values[i - 1];
            add_access(&step, from->offset, from->range, false);
            bindings.inputs[0] = add_view(executor, &executor->arena, format_of(executor),
                                          from->offset, from->range, op->name, error);
            if (bindings.inputs[0] == VK_NULL_HANDLE)
                return false;
            /* Unused bindings must alias the same range, or they count as another read. */
            for (int k = 1; k < LM_MAX_INPUTS; k++)
                if (bindings.inputs[k] == whole->inputs[0])
                    bindings.inputs[k] = bindings.inputs[0];
        }
        if (i == LM_WINOGRAD_OUTPUT)
            add_reads(executor, &step, op->residual);
        else
            bindings.outputs[0] = values[i];
        if (!add_step(executor, &step, &bindings, error))
            return false;
    }
    return true;
}

static bool build_bands(LmExecutor *executor, guint index, GError **error)
{
    const LmKernel *kernel = &executor->kernels[index];
    const int rows = lm_winograd_rows(kernel), most = kernel->winograd_rows;
    LmPlanes planes = {0, kernel->y->planes};
    LmBindings bindings = {0};
    if (!bind_step(executor, index, planes, &bindings, error))
        return false;
    for (int first = 0; first < rows; first += most)
        if (!build_winograd(executor, index, (LmWinogradBand){first, MIN(most, rows - first)},
                            &bindings, error))
            return false;
    return true;
}

static VkDeviceSize storage_limit(const LmExecutor *executor)
{
    return MIN(executor->device->limits.maxStorageBufferRange, executor->max_storage_range);
}

/* Makes as few steps as the device's storage range allows. */
static bool build_op(LmExecutor *executor, guint index, GError **error)
{
    const LmTensor *y = executor->kernels[index].y;
    VkDeviceSize plane = lm_tensor_plane_stride(y) * texel_bytes(executor);
    VkDeviceSize limit = storage_limit(executor);
    if (executor->kernels[index].winograd_rows > 0)
        return build_bands(executor, index, error);
    int granularity = split_granularity(executor, index);
    int most = y->planes;
    /* If not even one unit fits, making the descriptor set fails with an error. */
    if ((VkDeviceSize)most * plane > limit)
        most = MAX((int)(limit / plane) / granularity, 1) * granularity;
    for (int first = 0; first < y->planes; first += most)
        if (!build_step(executor, index, (LmPlanes){first, MIN(most, y->planes - first)}, error))
            return false;
    return true;
}

/* Rows of tiles in a band of a convolution by Winograd's algorithm; 0 if the device cannot write as
 * much at once; conv.comp can write its output in parts. */
static int band_rows(const LmExecutor *executor, const LmKernel *kernel)
{
    const VkDeviceSize limit = storage_limit(executor);
    const VkDeviceSize row =
        evaluated(executor, kernel, false, 1).range + evaluated(executor, kernel, true, 1).range;
    const VkDeviceSize texels = executor->device->info.max_texel_elements * texel_bytes(executor);
    const VkDeviceSize size = tensor_range(executor, kernel->op->output).range;
    if (MAX(size, row) > limit || row > texels ||
        lm_winograd_weight_texels(kernel) * texel_bytes(executor) > texels)
        return 0;
    VkDeviceSize most = MIN(MIN(limit, texels), MAX(BAND_BYTES, row)) / row;
    return lm_winograd_band_rows(kernel, (int)most);
}

VkDeviceSize lm_executor_steps_choose(LmExecutor *executor, LmWinogradUse use)
{
    VkDeviceSize most = 0;
    for (guint i = 0; i < executor->graph->ops->len; i++) {
        LmKernel *kernel = &executor->kernels[i];
        *kernel =
            lm_kernel_choose(executor->graph, lm_graph_op(executor->graph, i), executor->variant);
        if (use == LM_WINOGRAD_NEVER || !lm_winograd_possible(kernel) ||
            (use == LM_WINOGRAD_WHERE_FASTER && !lm_winograd_faster(kernel)))
            continue;
        kernel->winograd_rows = band_rows(executor, kernel);
        if (kernel->winograd_rows > 0) {
            const VkDescriptorBufferInfo output =
                evaluated(executor, kernel, true, kernel->winograd_rows);
            most = MAX(most, output.offset + output.range - executor->scratch);
        }
    }
    return most;
}

/* A step needs a barrier if it writes a range that a step since the last barrier accesses, or
 * accesses a range that such a step writes. */
static void place_barriers(LmExecutor *executor)
{
    g_autoptr(GArray) since = g_array_new(FALSE, FALSE, sizeof(Access));
    for (guint s = 0; s < executor->steps->len; s++) {
        Step *step = &g_array_index(executor->steps, Step, s);
        for (guint i = 0; i < since->len && !step->barrier; i++) {
            const Access *other = &g_array_index(since, Access, i);
            for (unsigned k = 0; k < step->n_accesses; k++) {
                const Access *own = &step->accesses[k];
                step->barrier |= (own->written || other->written) && own->begin < other->end &&
                                 other->begin < own->end;
            }
        }
        if (step->barrier)
            g_array_set_size(since, 0);
        g_array_append_vals(since, step->accesses, step->n_accesses);
    }
}

static bool build_mask(LmExecutor *executor, GError **error)
{
    const LmTensorId logits = executor->graph->output;
    lm_operator_dispatch_softmax(lm_graph_tensor(executor->graph, logits), executor->variant,
                                 &executor->mask.dispatch);
    return view_tensor(executor, logits, 0, &executor->logits_view, error);
}

bool lm_executor_steps_build(LmExecutor *executor, GError **error)
{
    if (!build_mask(executor, error))
        return false;
    for (guint i = 0; i < executor->graph->ops->len; i++)
        if (!build_op(executor, i, error))
            return false;
    place_barriers(executor);
    return true;
}
