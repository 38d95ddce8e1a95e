/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One frame in flight on the device: upload buffer, recorded commands, read-back of the mask. */
#pragma once

#include "exec/executor.h"
#include "exec/preprocess.h"

G_BEGIN_DECLS

/** Zeroed: nothing. One thread at a time, except for lm_slot_upload() while the slot is not
 * submitted.
 */
typedef struct {
    LmBuffer upload, smoothing, mask, readback;
    LmCommands commands;
    LmDescriptors descriptors;
    GArray *views; /* VkBufferView, owned */
    gsize mask_bytes;
} LmSlot;

/** Bytes of the history buffer that slots of one video share for smoothing; its kind is
 * LM_BUFFER_DEVICE. */
VkDeviceSize lm_slot_history_size(const LmGraph *graph);
/** Allocates the buffers for one frame layout and records the commands: preprocess, network,
 * softmax, copy. */
bool lm_slot_init(LmSlot *slot, LmPipelines *pipelines, LmExecutor *executor, const LmGraph *graph,
                  LmPreprocess *preprocess, const LmBuffer *history, GError **error);
/** Waits for the device to finish its work. */
void lm_slot_finish(LmSlot *slot);

/** Copies the frame's region to the upload buffer. */
bool lm_slot_upload(LmSlot *slot, const LmPreprocess *preprocess, const LmFrame *frame,
                    GError **error);
/** Submits the commands. smoothing: as in LmMaskBuffers. */
bool lm_slot_submit(LmSlot *slot, float smoothing, GError **error);
/** Waits and copies the probabilities to `data` ((classes - 1) * height * width bytes); *gpu_ns
 * becomes the device time, or 0. */
bool lm_slot_wait(LmSlot *slot, guint64 timeout_ns, guint8 *data, gint64 *gpu_ns, GError **error);

G_END_DECLS
