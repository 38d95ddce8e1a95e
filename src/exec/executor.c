/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Building and recording: a descriptor set and a pipeline for each step. */
#include "exec/executor-internal.h"

#include "exec/pack.h"
#include "exec/winograd.h"
#include "util/error.h"

/* Winograd convolutions work in bands whose evaluated values take about that much: it is there
 * beside the tensors. Bands that fit a CPU's cache would gain 5 % on one thread and lose
 * more on several, which wait for each other after each step. */
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

const LmBuffer *lm_executor_arena(const LmExecutor *executor)
{
    return &executor->arena;
}

void lm_executor_range(const LmExecutor *executor, LmTensorId id, VkDeviceSize *offset,
                       VkDeviceSize *size)
{
    const LmTensor *tensor = lm_graph_tensor(executor->graph, id);
    *offset = tensor->offset * texel_bytes(executor);
    *size = (VkDeviceSize)tensor->planes * lm_tensor_plane_stride(tensor) * texel_bytes(executor);
}

unsigned lm_executor_n_dispatches(const LmExecutor *executor)
{
    return executor->steps->len;
}

unsigned lm_executor_n_barriers(const LmExecutor *executor)
{
    unsigned n = 0;
    for (guint i = 0; i < executor->steps->len; i++)
        n += g_array_index(executor->steps, Step, i).barrier;
    return n;
}

VkDeviceSize lm_executor_device_bytes(const LmExecutor *executor)
{
    return executor->arena.size + executor->weights.size;
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

/* A view of a tensor from plane `first` on. True where there is no tensor. */
static bool view_tensor(LmExecutor *executor, LmTensorId id, int first, VkBufferView *view,
                        GError **error)
{
    if (id == LM_NO_TENSOR)
        return true;
    const LmTensor *tensor = lm_graph_tensor(executor->graph, id);
    VkDeviceSize offset, size,
        skip = (VkDeviceSize)first * lm_tensor_plane_stride(tensor) * texel_bytes(executor);
    lm_executor_range(executor, id, &offset, &size);
    *view = add_view(executor, &executor->arena, format_of(executor), offset + skip, size - skip,
                     tensor->name, error);
    return *view != VK_NULL_HANDLE;
}

/* Bytes of an operator's parameters, `size` altogether, that go with one unit of its output. */
static VkDeviceSize parameter_unit(const LmExecutor *executor, const LmOp *op, VkDeviceSize size)
{
    const LmTensor *y = lm_graph_tensor(executor->graph, op->output);
    int granularity = lm_dispatch_granularity(executor->graph, op, executor->variant);
    return size / (VkDeviceSize)((y->planes + granularity - 1) / granularity);
}

/* Planes that a split of an operator's output is a multiple of: whole units, and parameters aligned
 * as views must be. */
static int split_granularity(const LmExecutor *executor, const LmOp *op,
                             const Parameters *parameters)
{
    VkDeviceSize weights = parameter_unit(executor, op, parameters->weights_size);
    VkDeviceSize bias = parameter_unit(executor, op, parameters->bias_size);
    VkDeviceSize units = 1, alignment = executor->device->min_offset_alignment;
    while (units * weights % alignment || units * bias % alignment)
        units++;
    return (int)units * lm_dispatch_granularity(executor->graph, op, executor->variant);
}

/* The planes' share of an operator's parameters, of which every plane of the output has as many: a
 * view, or none where there are none. */
static bool view_parameters(LmExecutor *executor, const LmOp *op, LmPlanes planes, VkFormat format,
                            VkDeviceSize offset, VkDeviceSize size, VkBufferView *view,
                            GError **error)
{
    if (size == 0)
        return true;
    VkDeviceSize skip = (VkDeviceSize)(planes.first / lm_dispatch_granularity(executor->graph, op,
                                                                              executor->variant)) *
                        parameter_unit(executor, op, size);
    *view = add_view(executor, &executor->weights, format, offset + skip, view_size(size - skip),
                     op->name, error);
    return *view != VK_NULL_HANDLE;
}

/* The part of a tensor's range that is those planes. */
static VkDescriptorBufferInfo planes_of(const LmExecutor *executor, LmTensorId id, LmPlanes planes)
{
    VkDeviceSize offset, size,
        plane =
            lm_tensor_plane_stride(lm_graph_tensor(executor->graph, id)) * texel_bytes(executor);
    lm_executor_range(executor, id, &offset, &size);
    return (VkDescriptorBufferInfo){executor->arena.handle,
                                    offset + (VkDeviceSize)planes.first * plane,
                                    (VkDeviceSize)planes.n * plane};
}

static bool bind_step(LmExecutor *executor, const LmOp *op, const Parameters *parameters,
                      LmPlanes planes, LmBindings *bindings, GError **error)
{
    if (!view_tensor(executor, op->input, planes.first * lm_dispatch_input_planes(op),
                     &bindings->inputs[0], error) ||
        !view_tensor(executor, op->residual, planes.first, &bindings->inputs[1], error) ||
        !view_tensor(executor, op->channel_scale, 0, &bindings->inputs[2], error) ||
        !view_parameters(executor, op, planes, format_of(executor), parameters->weights_offset,
                         parameters->weights_size, &bindings->weights, error) ||
        !view_parameters(executor, op, planes, VK_FORMAT_R32G32B32A32_SFLOAT,
                         parameters->bias_offset, parameters->bias_size, &bindings->bias, error))
        return false;
    if (op->squeeze_excite) {
        bindings->inputs[3] = add_view(executor, &executor->weights, format_of(executor),
                                       parameters->squeeze_excite_offset,
                                       view_size(parameters->squeeze_excite_size), op->name, error);
        if (bindings->inputs[3] == VK_NULL_HANDLE)
            return false;
    }
    /* A shader built without its residual, channel_scale or bias still names their bindings;
     * something must be there. */
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
    VkDeviceSize offset, size;
    lm_executor_range(executor, id, &offset, &size);
    add_access(step, offset, size, false);
}

/* Adds a step that has its dispatch and what it reads. */
static bool add_step(LmExecutor *executor, Step *step, const LmBindings *bindings, GError **error)
{
    add_access(step, bindings->outputs[0].offset, bindings->outputs[0].range, true);
    step->set = lm_descriptors_add(&executor->descriptors, bindings, error);
    g_array_append_val(executor->steps, *step);
    return step->set != VK_NULL_HANDLE;
}

static bool build_step(LmExecutor *executor, guint index, LmPlanes planes, GError **error)
{
    const LmOp *op = lm_graph_op(executor->graph, index);
    Step step = {.op = index,
                 .last = planes.first + planes.n ==
                         lm_graph_tensor(executor->graph, op->output)->planes};
    LmBindings bindings = {0};

    lm_dispatch_op(executor->graph, op, executor->variant, planes, &step.dispatch);
    add_reads(executor, &step, op->input);
    add_reads(executor, &step, op->residual);
    add_reads(executor, &step, op->channel_scale);
    if (!bind_step(executor, op, &executor->parameters[index], planes, &bindings, error))
        return false;
    if (op->partial_sums != LM_NO_TENSOR)
        add_access(&step, bindings.outputs[1].offset, bindings.outputs[1].range, true);
    return add_step(executor, &step, &bindings, error);
}

/* Where in the arena the evaluated values of `rows` rows of a Winograd convolution's tiles lie,
 * those of its input or output. */
static VkDescriptorBufferInfo evaluated(const LmExecutor *executor, const LmOp *op, bool output,
                                        int rows)
{
    VkDeviceSize texel = texel_bytes(executor);
    VkDeviceSize input =
        view_size(lm_winograd_texels(executor->graph, op, op->input, rows) * texel);
    if (!output)
        return (VkDescriptorBufferInfo){executor->arena.handle, executor->scratch, input};
    return (VkDescriptorBufferInfo){
        executor->arena.handle, executor->scratch + align(input),
        view_size(lm_winograd_texels(executor->graph, op, op->output, rows) * texel)};
}

/* The steps of a band. whole: bindings as of conv.comp. */
static bool build_winograd(LmExecutor *executor, guint index, LmWinogradBand band,
                           const LmBindings *whole, GError **error)
{
    const LmOp *op = lm_graph_op(executor->graph, index);
    const VkDescriptorBufferInfo values[2] = {evaluated(executor, op, false, band.n),
                                              evaluated(executor, op, true, band.n)};
    for (int i = 0; i < LM_N_WINOGRAD_STEPS; i++) {
        Step step = {.op = index,
                     .last = i == LM_WINOGRAD_OUTPUT &&
                             band.first + band.n == lm_winograd_rows(executor->graph, op)};
        LmBindings bindings = *whole;
        lm_winograd_dispatch(executor->graph, op, i, band, &step.dispatch);
        if (i == LM_WINOGRAD_INPUT) {
            add_reads(executor, &step, op->input);
        } else {
            /* What the step before has written. */
            const VkDescriptorBufferInfo *from = &values[i - 1];
            add_access(&step, from->offset, from->range, false);
            bindings.inputs[0] = add_view(executor, &executor->arena, format_of(executor),
                                          from->offset, from->range, op->name, error);
            if (bindings.inputs[0] == VK_NULL_HANDLE)
                return false;
            /* What is there for nothing must be of the same memory, too, or else it would be one
             * more that this step reads. */
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
    const LmOp *op = lm_graph_op(executor->graph, index);
    const Parameters *parameters = &executor->parameters[index];
    int rows = lm_winograd_rows(executor->graph, op), most = parameters->winograd_rows;
    LmPlanes planes = {0, lm_graph_tensor(executor->graph, op->output)->planes};
    LmBindings bindings = {0};
    if (!bind_step(executor, op, parameters, planes, &bindings, error))
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

/* As few steps as the device's storage range allows. */
static bool build_op(LmExecutor *executor, guint index, GError **error)
{
    const LmOp *op = lm_graph_op(executor->graph, index);
    const LmTensor *y = lm_graph_tensor(executor->graph, op->output);
    VkDeviceSize plane = lm_tensor_plane_stride(y) * texel_bytes(executor);
    VkDeviceSize limit = storage_limit(executor);
    if (executor->parameters[index].winograd_rows > 0)
        return build_bands(executor, index, error);
    int granularity = split_granularity(executor, op, &executor->parameters[index]);
    int most = y->planes;
    /* Where not even one unit fits, its descriptor set says so. */
    if ((VkDeviceSize)most * plane > limit)
        most = MAX((int)(limit / plane) / granularity, 1) * granularity;
    for (int first = 0; first < y->planes; first += most)
        if (!build_step(executor, index, (LmPlanes){first, MIN(most, y->planes - first)}, error))
            return false;
    return true;
}

VkDeviceSize lm_executor_op_bytes(const LmExecutor *executor, unsigned index)
{
    const Parameters *parameters = &executor->parameters[index];
    const LmOp *op = lm_graph_op(executor->graph, index);
    const LmTensorId ids[] = {op->output, op->input, op->residual, op->channel_scale,
                              op->partial_sums};
    VkDeviceSize bytes =
        parameters->weights_size + parameters->bias_size + parameters->squeeze_excite_size;
    for (gsize i = 0; i < G_N_ELEMENTS(ids); i++) {
        VkDeviceSize offset, size = 0;
        if (ids[i] != LM_NO_TENSOR)
            lm_executor_range(executor, ids[i], &offset, &size);
        bytes += size;
    }
    return bytes;
}

/* A step needs a barrier where it writes what a step since the last barrier touches, or touches
 * what one writes. */
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

/* Rows of tiles in a band of a convolution that takes Winograd's way; 0 where the device cannot
 * write that much at once, but conv.comp's output in parts. */
static int band_rows(const LmExecutor *executor, const LmOp *op)
{
    VkDeviceSize offset, size, limit = storage_limit(executor);
    VkDeviceSize row =
        evaluated(executor, op, false, 1).range + evaluated(executor, op, true, 1).range;
    VkDeviceSize texels = executor->device->info.max_texel_elements * texel_bytes(executor);
    lm_executor_range(executor, op->output, &offset, &size);
    if (MAX(size, row) > limit || row > texels ||
        lm_pack_weight_texels(executor->graph, op, executor->variant, true) *
                texel_bytes(executor) >
            texels)
        return 0;
    VkDeviceSize most = MIN(MIN(limit, texels), MAX(BAND_BYTES, row)) / row;
    return lm_winograd_band_rows(executor->graph, op, (int)most);
}

/* Which operators take Winograd's way; returns how much of the arena that takes. */
static VkDeviceSize choose_winograd(LmExecutor *executor, LmWinogradUse use)
{
    VkDeviceSize most = 0;
    for (guint i = 0; i < executor->graph->ops->len; i++) {
        const LmOp *op = lm_graph_op(executor->graph, i);
        if (use == LM_WINOGRAD_NEVER || !lm_winograd_possible(op, executor->variant) ||
            (use == LM_WINOGRAD_WHERE_FASTER && !lm_winograd_faster(executor->graph, op)))
            continue;
        int rows = band_rows(executor, op);
        executor->parameters[i].winograd_rows = rows;
        if (rows > 0) {
            const VkDescriptorBufferInfo output = evaluated(executor, op, true, rows);
            most = MAX(most, output.offset + output.range - executor->scratch);
        }
    }
    return most;
}

static bool build_mask(LmExecutor *executor, GError **error)
{
    const LmTensor *logits = lm_graph_tensor(executor->graph, executor->graph->output);
    lm_dispatch_mask(logits, executor->variant, &executor->mask.dispatch);
    return view_tensor(executor, executor->graph->output, 0, &executor->logits_view, error);
}

/* The pipelines of all steps and the mask. */
static bool make_pipelines(LmExecutor *executor, GError **error)
{
    guint n = executor->steps->len;
    g_autofree LmPipelineRequest *requests = g_new(LmPipelineRequest, n + 1);
    for (guint i = 0; i <= n; i++) {
        const Step *step = i < n ? &g_array_index(executor->steps, Step, i) : &executor->mask;
        requests[i] = (LmPipelineRequest){step->dispatch.shader, step->dispatch.variant,
                                          step->dispatch.spec, step->dispatch.n_spec};
    }
    if (!lm_pipelines_prepare(executor->pipelines, requests, n + 1, error))
        return false;
    for (guint i = 0; i <= n; i++) {
        Step *step = i < n ? &g_array_index(executor->steps, Step, i) : &executor->mask;
        step->pipeline =
            lm_pipelines_get(executor->pipelines, requests[i].name, requests[i].variant,
                             requests[i].spec, requests[i].n_spec, error);
        if (step->pipeline == VK_NULL_HANDLE)
            return false;
    }
    return true;
}

unsigned lm_executor_variant(const LmDeviceInfo *device, const LmExecutorParams *params)
{
    const bool automatic = params->tiled == LM_TILED_WHERE_FASTER;
    const bool tiled = device->tiled && (!automatic || device->type != LM_DEVICE_CPU);
    /* Integrated GPUs are short of arithmetic, by estimate; discrete ones were measured without. */
    const bool half =
        params->fp16 && device->native_fp16 &&
        (params->tiled == LM_TILED_HALF || (automatic && device->type == LM_DEVICE_INTEGRATED));
    /* The first row that holds. */
    const struct {
        bool holds;
        unsigned builds;
    } rows[] = {
        {params->portable, 0},
        {tiled && half, LM_VARIANT_TILED | LM_VARIANT_HALF},
        {tiled, LM_VARIANT_TILED},
        {device->lanes8, LM_VARIANT_LANES8},
        {true, 0},
    };
    unsigned i = 0;
    while (!rows[i].holds)
        i++;
    return rows[i].builds | (params->fp16 ? LM_VARIANT_FP16 : 0);
}

void lm_executor_plan(LmGraph *graph, const LmDeviceInfo *device, const LmExecutorParams *params)
{
    bool tiled = lm_executor_variant(device, params) & LM_VARIANT_TILED;
    if (tiled)
        lm_graph_fuse(graph);
    if (tiled || device->type != LM_DEVICE_CPU)
        lm_graph_plan_steps(graph);
}

/* A device may have gone since the graph was fused for it, and another come in its place. */
static bool check_fused(const LmExecutor *executor, GError **error)
{
    for (guint i = 0; i < executor->graph->ops->len; i++) {
        const LmOp *op = lm_graph_op(executor->graph, i);
        if (!(executor->variant & LM_VARIANT_TILED) &&
            (op->squeeze_excite || op->partial_sums != LM_NO_TENSOR)) {
            g_set_error(error, LM_ERROR, LM_ERROR_DEVICE,
                        "%s: the network was planned for another device",
                        executor->device->info.name);
            return false;
        }
    }
    return true;
}

LmExecutor *lm_executor_create(LmPipelines *pipelines, const LmGraph *graph,
                               const LmExecutorParams *params, GError **error)
{
    LmExecutor *executor = g_new0(LmExecutor, 1);
    executor->pipelines = pipelines;
    executor->device = lm_pipelines_device(pipelines);
    executor->graph = graph;
    executor->variant = lm_executor_variant(&executor->device->info, params);
    executor->max_storage_range =
        params->max_storage_range ? params->max_storage_range : VK_WHOLE_SIZE;
    executor->parameters = g_new0(Parameters, graph->ops->len);
    executor->steps = g_array_new(FALSE, FALSE, sizeof(Step));
    executor->views = g_array_new(FALSE, FALSE, sizeof(VkBufferView));
    lm_descriptors_init(&executor->descriptors, pipelines);

    executor->scratch = align(graph->arena_texels * texel_bytes(executor));
    VkDeviceSize scratch_size = choose_winograd(executor, params->winograd);
    if (!check_fused(executor, error) ||
        !lm_buffer_init(&executor->arena, executor->device, LM_BUFFER_DEVICE,
                        executor->scratch + scratch_size, "arena", error) ||
        !lm_executor_upload_weights(executor, error) || !build_mask(executor, error))
        goto error;
    for (guint i = 0; i < graph->ops->len; i++)
        if (!build_op(executor, i, error))
            goto error;
    if (!make_pipelines(executor, error))
        goto error;
    place_barriers(executor);
    return executor;
error:
    lm_executor_free(&executor);
    return NULL;
}

void lm_executor_free(LmExecutor **handle)
{
    LmExecutor *executor = *handle;
    if (!executor)
        return;
    lm_descriptors_finish(&executor->descriptors);
    for (guint i = 0; i < executor->views->len; i++)
        vkDestroyBufferView(executor->device->handle,
                            g_array_index(executor->views, VkBufferView, i), NULL);
    g_array_unref(executor->views);
    lm_buffer_finish(&executor->weights);
    lm_buffer_finish(&executor->arena);
    g_array_unref(executor->steps);
    g_free(executor->parameters);
    g_clear_pointer(handle, g_free);
}

static void record_step(const LmExecutor *executor, LmCommands *commands, const Step *step,
                        VkDescriptorSet set, const guint32 groups[3])
{
    lm_commands_dispatch(commands, lm_pipelines_layout(executor->pipelines), step->pipeline, set,
                         step->dispatch.push, step->dispatch.n_push * 4, groups);
}

void lm_executor_record(const LmExecutor *executor, LmCommands *commands, bool timestamps)
{
    if (timestamps)
        lm_commands_timestamp(commands);
    for (guint i = 0; i < executor->steps->len; i++) {
        const Step *step = &g_array_index(executor->steps, Step, i);
        if (step->barrier)
            lm_commands_barrier(commands);
        record_step(executor, commands, step, step->set, step->dispatch.groups);
        if (timestamps && step->last)
            lm_commands_timestamp(commands);
    }
}

bool lm_executor_warm_up(LmExecutor *executor,
                         bool (*progress)(void *user, unsigned done, unsigned total), void *user,
                         GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    g_autoptr(GPtrArray) steps = g_ptr_array_new();
    for (guint i = 0; i < executor->steps->len; i++) {
        Step *step = &g_array_index(executor->steps, Step, i);
        if (g_hash_table_add(seen, (gpointer)step->pipeline))
            g_ptr_array_add(steps, step);
    }

    LmCommands commands = {0};
    bool ok = lm_commands_init(&commands, executor->device, 0, "warm-up", error);
    for (guint i = 0; ok && i < steps->len; i++) {
        const Step *step = g_ptr_array_index(steps, i);
        ok = lm_commands_begin(&commands, error);
        if (!ok)
            break;
        lm_commands_barrier(&commands);
        record_step(executor, &commands, step, step->set, (const guint32[]){1, 1, 1});
        ok = lm_commands_end(&commands, error) && lm_commands_submit(&commands, error) &&
             lm_commands_wait(&commands, UINT64_MAX, error);
        if (ok && progress && !progress(user, i + 1, steps->len))
            break;
    }
    lm_commands_finish(&commands);
    return ok;
}

VkDescriptorSet lm_executor_mask_set(LmExecutor *executor, LmDescriptors *descriptors,
                                     const LmMaskBuffers *buffers, GError **error)
{
    LmBindings bindings = {
        .inputs = {executor->logits_view, buffers->smoothing, buffers->history_view},
        .outputs = {{buffers->to->handle, 0, buffers->to->size},
                    {buffers->history->handle, 0, buffers->history->size}},
    };
    return lm_descriptors_add(descriptors, &bindings, error);
}

void lm_executor_record_mask(const LmExecutor *executor, LmCommands *commands, VkDescriptorSet set)
{
    record_step(executor, commands, &executor->mask, set, executor->mask.dispatch.groups);
}
