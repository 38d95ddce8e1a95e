/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A session: the public interface to a model on a device. Frames go in, masks come out.
 *
 * A session owns one worker thread, which makes the device and the pipelines, submits frames and
 * waits for the device; no call below waits for the device unless its name says so, and none waits
 * for a device that hangs. If the device is a CPU, the worker and the driver's threads have a lower
 * priority than the thread that started the worker (on Linux), so that they do not hold up the
 * streaming threads.
 *
 * Frames are copied (the region only) on submit, so the caller keeps its buffers. Results come in
 * order of submission. Every function may be called from any thread.
 *
 * Sessions of a process with the same model, device, precision, size and cache share what these
 * take on the device, and take turns there: see session/engine.h.
 *
 * Once READY, a session never fails for good. If the device is lost, memory is exhausted or a call
 * fails, it is DEGRADED: it answers every outstanding frame with the error and refuses new ones at
 * once. The worker frees the session's resources on the device and tries to make them again, first
 * after half a second, then after pauses that double up to half a minute. A device that takes very
 * long for a frame (LmSessionParams.stall_ns) degrades the session, too, but nothing is freed: when
 * the answer comes, too late for use, the session is READY again. After a minute or more without an
 * answer the session gives up the device: an orphaned thread gets its resources and frees them if
 * it ever can, and the session makes new ones.
 */
#pragma once

#include "model/weights.h"
#include "session/precision.h"
#include "session/result.h"

G_BEGIN_DECLS

typedef enum {
    LM_SESSION_IDLE,     /**< Not started. */
    LM_SESSION_STARTING, /**< The worker makes device and pipelines. */
    LM_SESSION_READY,
    LM_SESSION_DEGRADED, /**< See lm_session_error(); every submit fails until it is READY again. */
    LM_SESSION_FAILED,   /**< It could not be started: see lm_session_error(). Final. */
} LmSessionState;

typedef struct LmSession LmSession;

/** A session's state, as LmSessionParams.report gets it. */
typedef struct {
    LmSessionState state;
    const char *step;    /**< STARTING: the worker's current step; else NULL. Borrowed. */
    int percent;         /**< STARTING: how much of the start is done, 0..100. */
    const GError *error; /**< DEGRADED, FAILED: the reason; else NULL. Borrowed. */
} LmSessionReport;

typedef struct {
    const char *model;  /**< Path. */
    const char *device; /**< As lm_device_choose(); NULL: auto. */
    LmPrecision precision;
    int width, height;     /**< Of the network, as lm_network_build(). */
    unsigned slots;        /**< Frames on the device at once, 1..8; 0: 3. */
    const char *cache_dir; /**< As lm_pipelines_create(). */
    /** A frame that takes the device longer degrades the session. 0: twenty times the median of the
     * last frames, at least 2 s; for the first frame 10 s, and 10 s more for every 5 G
     * multiply-adds of the network. */
    guint64 stall_ns;
    /** Called by the worker, without locks held: STARTING repeatedly during start-up, then at every
     * change of state (DEGRADED again if the reason changes). lm_session_free() waits for a call in
     * progress; there are none after it. May be NULL.
     */
    void (*report)(void *user, const LmSessionReport *report);
    void *user;
} LmSessionParams;

/** Checks the whole model (builds the graph, checks every tensor) and chooses the device; creates
 * neither device nor thread. Returns NULL with an error that names file and tensor, or the
 * device. */
LmSession *lm_session_new(const LmSessionParams *params, GError **error);
/** Stops the worker, waits for the device and frees everything. If that takes more than half a
 * second, the worker is orphaned and does it when it can (the process waits for it a little at its
 * end). In either case no other thread may use the session any more. */
void lm_session_free(LmSession **session);
/** Starts the worker; returns at once. Call it only once. */
void lm_session_start(LmSession *session);

LmSessionState lm_session_state(LmSession *session);
/** A copy of the error that degrades the session or made it fail; NULL in other states. */
GError *lm_session_error(LmSession *session);
/** Blocks until the session would take a frame of the layout last passed to lm_session_submit().
 * Returns false if it is DEGRADED or has FAILED, or when flushing. */
bool lm_session_wait_ready(LmSession *session);

const LmModelInfo *
lm_session_model(const LmSession *session); /**< Immutable; lives as long as the session. */
const char *lm_session_model_path(const LmSession *session); /**< Lives as long as the session,
                                                                  too. */
unsigned lm_session_n_classes(const LmSession *session);
const LmDeviceInfo *lm_session_device(const LmSession *session);
LmPrecision lm_session_precision(const LmSession *session); /**< Resolved: FP32 or FP16. */

/** Options for a frame. */
typedef struct {
    bool replace; /**< This frame supersedes one that still waits for the device (its ticket yields
                       no result; it is counted). Only one frame at a time is on the device, so that
                       the next one is always the newest. */
    double
        smoothing; /**< 0..1: the weight of history in a filter of each pixel's probabilities: p
                        becomes smoothing * (p of the frame before on the device) + (1 - smoothing)
                        * p. */
    guint64 shot;  /**< The filter restarts if a frame has another shot or layout than the one
                        before, and at the first smoothed frame. */
} LmSubmitParams;

/** Submits a frame's region (clipped to the frame; must overlap it); *ticket becomes its number: 1,
 * 2, ... Returns false with an error if the frame's layout is impossible, or the session is
 * DEGRADED or has FAILED. Returns false without an error if the session cannot take the frame now:
 * before READY, while all slots are taken, and after a change of frame->info or region, which the
 * worker must prepare once older frames are done. Then take a result if any is outstanding, else
 * call lm_session_wait_ready(). params may be NULL: all zero. */
bool lm_session_submit(LmSession *session, const LmFrame *frame, LmRect region,
                       const LmSubmitParams *params, guint64 *ticket, GError **error);
/** Blocks for the oldest outstanding result. Returns false if none is outstanding, or when
 * flushing. */
bool lm_session_wait_result(LmSession *session, LmResult *result);
/** As lm_session_wait_result(), but also returns false once lm_clock_now() has reached
 * `deadline`. */
bool lm_session_wait_result_until(LmSession *session, gint64 deadline, LmResult *result);
/** Takes one frame from submission to its mask, for callers with no other results outstanding. The
 * session must have been started; waits until it is ready, and for the result. Call
 * lm_result_clear() in either case. Returns false with an error, or without one when flushing. */
bool lm_session_segment(LmSession *session, const LmFrame *frame, LmRect region, LmResult *result,
                        GError **error);
/** Takes the oldest finished result without waiting. Returns false if there is none. */
bool lm_session_poll_result(LmSession *session, LmResult *result);
/** The number of submitted frames that have not yielded their result. */
unsigned lm_session_outstanding(LmSession *session);
guint64 lm_session_superseded(LmSession *session);

/** While flushing, waits return false at once. */
void lm_session_set_flushing(LmSession *session, bool flushing);
/** Drops every outstanding frame and finished result; none of them will be returned. Does not wait
 * for the device. */
void lm_session_discard(LmSession *session);

G_END_DECLS
