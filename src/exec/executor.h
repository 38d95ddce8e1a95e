/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A planned graph on a device: packed weights, arena, pipelines, and its dispatches ready to be
 * recorded. */
#pragma once

#include "gpu/commands.h"
#include "gpu/descriptors.h"
#include "net/graph.h"

G_BEGIN_DECLS

/** Which 3x3 convolutions are computed by Winograd's algorithm, where a device has it. */
typedef enum {
    LM_WINOGRAD_WHERE_FASTER,
    LM_WINOGRAD_NEVER,
    LM_WINOGRAD_WHERE_POSSIBLE,
} LmWinogradUse;

/** Which devices get the tiled shaders, and in what those multiply where activations are fp16. */
typedef enum {
    LM_TILED_WHERE_FASTER, /**< GPUs; integrated ones with half precision where they have it. */
    LM_TILED_SINGLE,       /**< All that can run them, even CPUs, with single precision. */
    LM_TILED_HALF,         /**< The same with half precision where they have it. */
} LmTiledUse;

typedef struct {
    bool fp16;        /**< Store activations and weights as half floats. */
    bool portable;    /**< Do without the lanes8 and tiled shaders even where the device could run
                         them; for tests. */
    LmTiledUse tiled; /**< For tests. */
    LmWinogradUse winograd; /**< For tests. */
    /** Bytes that one dispatch may write where less than the device's limit; 0: that limit. For
     * tests. */
    VkDeviceSize max_storage_range;
} LmExecutorParams;

typedef struct LmExecutor LmExecutor;

/** The builds of the shaders (LmVariant bits) for a device with these settings. */
unsigned lm_executor_variant(const LmDeviceInfo *device, const LmExecutorParams *params);

/** Plans a graph anew as suits the device that it is to run on with these settings, which
 * lm_executor_create() must get, too: fused and in steps for GPUs and for the tiled shaders, as it
 * is for others. */
void lm_executor_plan(LmGraph *graph, const LmDeviceInfo *device, const LmExecutorParams *params);

/** Neither `pipelines` nor `graph` is owned; both must outlive the executor. Slow: uploads weights,
 * makes pipelines. NULL with an error; one that names tensor and limit where the device cannot
 * address a tensor. */
LmExecutor *lm_executor_create(LmPipelines *pipelines, const LmGraph *graph,
                               const LmExecutorParams *params, GError **error);
void lm_executor_free(LmExecutor **executor);

/** Runs one workgroup of each distinct pipeline, since drivers such as lavapipe compile at the
 * first submission. progress: called after each; may be NULL; false from it stops, which is no
 * error. Waits. */
bool lm_executor_warm_up(LmExecutor *executor,
                         bool (*progress)(void *user, unsigned done, unsigned total), void *user,
                         GError **error);

/** Where the graph's tensors lie; the input must be written before, the output read after. */
const LmBuffer *lm_executor_arena(const LmExecutor *executor);
/** Byte range of a tensor in the arena. */
void lm_executor_range(const LmExecutor *executor, LmTensorId tensor, VkDeviceSize *offset,
                       VkDeviceSize *size);

/** Records the whole graph, a barrier before each operator that depends on one since the last
 * barrier; with `timestamps`, one before the first operator and one after each operator. */
void lm_executor_record(const LmExecutor *executor, LmCommands *commands, bool timestamps);
/** What the softmax over the output reads and writes, all from offset 0; for each class above
 * background a plane of height * width. */
typedef struct {
    const LmBuffer *to;        /**< round(255 p): bytes. */
    const LmBuffer *history;   /**< p of the frame before, and then of this one: floats. */
    VkBufferView history_view; /**< Of it, in texels of four floats. */
    VkBufferView smoothing;    /**< One such texel; the first number is the weight of history: 0..1,
                                  0: the history is left alone, below 0: there is none yet. */
} LmMaskBuffers;

/** A set for lm_executor_record_mask(), from `descriptors`. */
VkDescriptorSet lm_executor_mask_set(LmExecutor *executor, LmDescriptors *descriptors,
                                     const LmMaskBuffers *buffers, GError **error);
/** Records the softmax over the output. */
void lm_executor_record_mask(const LmExecutor *executor, LmCommands *commands, VkDescriptorSet set);

/** Dispatches of one pass: one an operator; three where a convolution takes Winograd's way; more
 * where a device's maxStorageBufferRange is less than its output. */
unsigned lm_executor_n_dispatches(const LmExecutor *executor);
/** Barriers of one pass, each of which waits for all dispatches before it. */
unsigned lm_executor_n_barriers(const LmExecutor *executor);
/** Bytes of its buffers on the device: arena and weights. */
VkDeviceSize lm_executor_device_bytes(const LmExecutor *executor);
/** Bytes that an operator of the graph reads and writes at least: each of its tensors, weights and
 * biases once. */
VkDeviceSize lm_executor_op_bytes(const LmExecutor *executor, unsigned op);

G_END_DECLS
