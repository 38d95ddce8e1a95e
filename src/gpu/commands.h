/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One command buffer with its fence and its timestamps: recorded once, submitted many times. */
#pragma once

#include "gpu/buffer.h"
#include "gpu/pipeline.h"

G_BEGIN_DECLS

/** Zeroed: nothing. One thread at a time. */
typedef struct {
    LmDevice *device; /**< Not owned. */
    VkCommandPool pool;
    VkCommandBuffer handle;
    VkFence fence;
    VkQueryPool queries; /**< NULL if no timestamps were requested or the queue has none. */
    unsigned n_queries, n_written;
    bool pending; /**< Submitted, and not known to be done. */
} LmCommands;

/** max_timestamps 0: none. */
bool lm_commands_init(LmCommands *commands, LmDevice *device, unsigned max_timestamps,
                      const char *name, GError **error);
/** Waits for a pending submission first. */
void lm_commands_finish(LmCommands *commands);

bool lm_commands_begin(LmCommands *commands, GError **error);
bool lm_commands_end(LmCommands *commands, GError **error);

/** Binds and dispatches. push: push_size bytes (a multiple of 4, at most LM_PUSH_BYTES). */
void lm_commands_dispatch(LmCommands *commands, VkPipelineLayout layout, VkPipeline pipeline,
                          VkDescriptorSet set, const void *push, unsigned push_size,
                          const guint32 groups[3]);
/** Makes all shader writes and copies before it visible to shaders and copies after it. */
void lm_commands_barrier(LmCommands *commands);
/** Makes everything before it visible to the host once the fence has signalled. */
void lm_commands_barrier_to_host(LmCommands *commands);
void lm_commands_copy(LmCommands *commands, const LmBuffer *from, VkDeviceSize from_offset,
                      const LmBuffer *to, VkDeviceSize to_offset, VkDeviceSize size);
/** Appends a timestamp; no-op without queries. */
void lm_commands_timestamp(LmCommands *commands);

/** Resets the fence and submits. Locks the device's queue. */
bool lm_commands_submit(LmCommands *commands, GError **error);
/** Waits. Returns false with LM_ERROR_TIMEOUT after timeout_ns (UINT64_MAX: never), or with
 * LM_ERROR_LOST. */
bool lm_commands_wait(LmCommands *commands, guint64 timeout_ns, GError **error);
/** Writes the ns of each timestamp since the first one, of the last finished submission; returns
 * how many there are. */
unsigned lm_commands_timestamps(LmCommands *commands, guint64 *ns, unsigned max);

/** Copies now, with its own commands, and waits without limit for earlier work in the queue. The
 * copy is visible to device and host. */
bool lm_commands_transfer(LmDevice *device, const LmBuffer *from, VkDeviceSize from_offset,
                          const LmBuffer *to, VkDeviceSize to_offset, VkDeviceSize size,
                          GError **error);

G_END_DECLS
