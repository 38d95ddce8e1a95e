/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The executor's insides, shared by its recording and its testing side. */
#pragma once

#include "run/dispatch.h"
#include "run/executor.h"

/* One operator, ready to be dispatched. */
typedef struct {
    LmDispatch dispatch;
    VkPipeline pipeline; /* owned by the LmPipelines */
    VkDescriptorSet set; /* owned by the executor's descriptors */
    VkDeviceSize weights_offset, weights_size, bias_offset, bias_size; /* in the weights buffer */
    bool barrier;        /* one is needed before it */
} Step;

struct LmExecutor {
    LmPipelines *pipelines; /* not owned, as device and graph */
    LmDevice *device;
    const LmGraph *graph;
    unsigned variant;
    LmBuffer arena, weights;
    LmDescriptors descriptors;
    GArray *views; /* VkBufferView, owned */
    Step *steps;   /* one an operator, in the graph's order */
    unsigned n_steps;
    Step mask;
    VkBufferView logits_view; /* owned by `views` */
};

VkFormat lm_executor_format(const LmExecutor *executor);
/** Copies and waits; the result is visible to device and host. */
bool lm_executor_transfer(LmExecutor *executor, const LmBuffer *from, VkDeviceSize from_offset, const LmBuffer *to,
                          VkDeviceSize to_offset, VkDeviceSize size, GError **error);
