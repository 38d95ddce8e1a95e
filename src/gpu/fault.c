/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The pending faults of each class of calls. */
#include "gpu/fault.h"

#include <stdatomic.h>

#include "util/clock.h"

/* A stalled wait checks for lm_fault_clear() this often. */
#define STALL_STEP_NS 5000000

typedef struct {
    atomic_int passing; /* calls that pass before one fails */
    atomic_bool always;
    atomic_int result;
    atomic_uint count;
} Fault;

#define STALL_BIT (1u << LM_N_FAULTS)

static atomic_uint armed; /* a bit for each class, and STALL_BIT */
static Fault faults[LM_N_FAULTS];
static atomic_int stall_passing;
static atomic_llong stall_ns, stall_end; /* end: monotonic; 0: has not begun */

void lm_fault_inject(LmFaultClass calls, LmFaultMode mode, unsigned after, VkResult result)
{
    Fault *fault = &faults[calls];
    atomic_fetch_and(&armed, ~(1u << calls));
    atomic_store(&fault->passing, (int)after);
    atomic_store(&fault->always, mode == LM_FAULT_ALWAYS);
    atomic_store(&fault->result, (int)result);
    atomic_fetch_or(&armed, 1u << calls);
}

void lm_fault_stall(unsigned ms, unsigned after)
{
    atomic_fetch_and(&armed, ~STALL_BIT);
    atomic_store(&stall_passing, (int)after);
    atomic_store(&stall_ns, (gint64)ms * 1000000);
    atomic_store(&stall_end, 0);
    atomic_fetch_or(&armed, STALL_BIT);
}

void lm_fault_clear(void)
{
    atomic_store(&armed, 0);
}

unsigned lm_fault_count(LmFaultClass calls)
{
    return atomic_load(&faults[calls].count);
}

static bool is_armed(unsigned bit)
{
    return (atomic_load_explicit(&armed, memory_order_relaxed) & bit) &&
           (atomic_load(&armed) & bit);
}

bool lm_fault_should_fail(LmFaultClass calls)
{
    Fault *fault = &faults[calls];
    unsigned bit = 1u << calls;
    if (!is_armed(bit))
        return false;
    /* Of simultaneous calls, only one may take a fault that happens once. */
    bool fails = atomic_load(&fault->passing) <= 0 || atomic_fetch_sub(&fault->passing, 1) <= 0;
    if (fails && !atomic_load(&fault->always))
        fails = atomic_fetch_and(&armed, ~bit) & bit;
    if (fails)
        atomic_fetch_add(&fault->count, 1);
    return fails;
}

VkResult lm_fault_result(LmFaultClass calls)
{
    return (VkResult)atomic_load(&faults[calls].result);
}

bool lm_fault_stalls(guint64 timeout_ns)
{
    if (!is_armed(STALL_BIT) || atomic_fetch_sub(&stall_passing, 1) > 0)
        return false;
    long long begun = 0, now = lm_clock_now();
    atomic_compare_exchange_strong(&stall_end, &begun, now + atomic_load(&stall_ns));
    gint64 end = atomic_load(&stall_end);
    gint64 until = timeout_ns < (guint64)MAX(end - now, 0) ? now + (gint64)timeout_ns : end;
    for (; now < until && is_armed(STALL_BIT); now = lm_clock_now()) {
        struct timespec step = {0, MIN(until - now, STALL_STEP_NS)};
        nanosleep(&step, NULL);
    }
    if (now >= end)
        atomic_fetch_and(&armed, ~STALL_BIT);
    return is_armed(STALL_BIT);
}
