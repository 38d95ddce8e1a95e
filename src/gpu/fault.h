/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Makes Vulkan calls fail or a device hang, for tests.
 *
 * Every call of a class goes through LM_VK(), which costs one relaxed load while no fault is set.
 * All functions are thread-safe, and act on all devices of the process.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <vulkan/vulkan.h>

G_BEGIN_DECLS

typedef enum {
    LM_FAULT_INSTANCE,    /**< Creating instances, listing devices. */
    LM_FAULT_DEVICE,      /**< Creating devices. */
    LM_FAULT_MEMORY,      /**< Allocating and binding memory. */
    LM_FAULT_BUFFER,      /**< Creating buffers and their views. */
    LM_FAULT_MAP,         /**< Mapping, flushing, invalidating; for coherent memory only mapping. */
    LM_FAULT_PIPELINE,    /**< Creating shader modules, pipelines, their layouts and caches. */
    LM_FAULT_DESCRIPTORS, /**< Creating pools of descriptor sets, allocating sets. */
    LM_FAULT_COMMANDS,    /**< Creating, beginning and ending command buffers, fences, queries. */
    LM_FAULT_SUBMIT,      /**< Resetting a fence, submitting. */
    LM_FAULT_WAIT,        /**< Waiting for a fence. */
    LM_N_FAULTS
} LmFaultClass;

typedef enum { LM_FAULT_ONCE, LM_FAULT_ALWAYS } LmFaultMode;

/** From now on `after` calls of the class pass; the next one (ONCE), or all further ones (ALWAYS),
 * are not made and return `result`. Replaces an earlier fault of the class. */
void lm_fault_inject(LmFaultClass calls, LmFaultMode mode, unsigned after, VkResult result);
/** After `after` more waits for a fence the device seems to hang for `ms` from the next wait on:
 * waits time out, or end later. Then it works again. */
void lm_fault_stall(unsigned ms, unsigned after);
/** Removes all faults; a stall ends. */
void lm_fault_clear(void);
/** How many calls of the class have failed this way in this process. */
unsigned lm_fault_count(LmFaultClass calls);

/* For src/gpu. */

/** Returns true if this call must fail; counts it. */
bool lm_fault_should_fail(LmFaultClass calls);
VkResult lm_fault_result(LmFaultClass calls);
/** Waits as long as the device seems to hang, at most timeout_ns. Returns true if it still hangs.
 */
bool lm_fault_stalls(guint64 timeout_ns);

/** The result of a Vulkan call, or the injected result, without the call, if it must fail. */
#define LM_VK(calls, ...) (lm_fault_should_fail(calls) ? lm_fault_result(calls) : (__VA_ARGS__))

G_END_DECLS
