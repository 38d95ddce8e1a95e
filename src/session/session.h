/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What everything above calls: a model on a device, frames in, masks out.
 *
 * A session owns one worker thread, which makes the device and the pipelines, submits frames and
 * waits for the device; no call below ever waits for the device unless its name says so, and none
 * waits for one that hangs. On a device that is a CPU the worker, and with it the driver's threads,
 * are of lower priority than the thread that started it where the system knows such a thing
 * (Linux), so that they do not keep those from running that the video goes through.
 *
 * Frames are copied (the region only) on submit, so the caller keeps its buffers. Results come in
 * order of submission. Every function may be called from any thread.
 *
 * Sessions of a process with the same model, device, precision, size and cache share what these
 * take on the device, and take turns there: see session/engine.h.
 *
 * Once READY, a session does not fail for good: where the device is lost, memory is exhausted or a
 * call fails, it is DEGRADED, answers every outstanding frame with the error and refuses new ones
 * at once; the worker gives back what the session has on the device and tries to make it anew,
 * first after half a second, then after twice the time again and again, up to half a minute. A
 * device that takes very long for a frame (LmSessionParams.stall_ns) degrades it, too, but nothing
 * is given back: when the answer comes, too late to be of use, the session is READY again. After a
 * minute or more without one the device is given up: what the session has on it is left to a thread
 * of its own, which frees it if ever it can, and made anew.
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
    LM_SESSION_FAILED,   /**< It could not be started: see lm_session_error(). For good. */
} LmSessionState;

typedef struct LmSession LmSession;

/** A session's state, as LmSessionParams.report gets it. */
typedef struct {
    LmSessionState state;
    const char *step;    /**< STARTING: what the worker does now; else NULL. Borrowed. */
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
     * last ones, 2 s at least; for a first one 10 s, and as much again for every 5 G multiply-adds
     * of the network. */
    guint64 stall_ns;
    /** Called by the worker, without locks held: STARTING again and again as start-up goes on, then
     * at every change of state (DEGRADED again if the reason is another). Never after
     * lm_session_free() has begun to return, which waits for a call that is under way. May be NULL.
     */
    void (*report)(void *user, const LmSessionReport *report);
    void *user;
} LmSessionParams;

/** Checks the model (whole: graph built, every tensor seen) and chooses the device; creates neither
 * device nor thread. NULL with an error that names file and tensor, or the device. */
LmSession *lm_session_new(const LmSessionParams *params, GError **error);
/** Stops the worker, waits for what the device has begun, and frees all. But where that takes more
 * than half a second, the worker is left to do so when it can (the process's end waits for it a
 * little): no other thread may use the session from now on in either case. */
void lm_session_free(LmSession **session);
/** Starts the worker; returns at once. Once only. */
void lm_session_start(LmSession *session);

LmSessionState lm_session_state(LmSession *session);
/** A copy of what degrades the session or made it fail; NULL in other states. */
GError *lm_session_error(LmSession *session);
/** Blocks until the session would take a frame of the layout last handed to lm_session_submit()
 * (true), or is DEGRADED or has FAILED, or lm_session_set_flushing() (false). */
bool lm_session_wait_ready(LmSession *session);

const LmModelInfo *
lm_session_model(const LmSession *session); /**< Immutable; lives as long as the session. */
const char *lm_session_model_path(const LmSession *session); /**< Lives as long, too. */
unsigned lm_session_n_classes(const LmSession *session);
const LmDeviceInfo *lm_session_device(const LmSession *session);
LmPrecision lm_session_precision(const LmSession *session); /**< As settled: FP32 or FP16. */

/** How a frame is to be treated. */
typedef struct {
    bool replace; /**< A frame that still waits for the device is superseded by this one (its ticket
                     yields no result; counted), and only one frame at a time is on the device, so
                     that the next one to go there is the newest. */
    double smoothing; /**< 0..1: the weight of history in a filter of the probabilities, per pixel:
                         p becomes smoothing * that of the frame before on the device + (1 -
                         smoothing) * p. */
    guint64 shot;     /**< The filter starts anew at a frame of another shot than the one before, of
                         another layout, and at the first one that is smoothed. */
} LmSubmitParams;

/** Hands over a frame's region (clipped to the frame; must overlap it); *ticket becomes its number:
 * 1, 2, ... False with an error where the frame's layout is impossible, or the session is DEGRADED
 * or has FAILED.
 * False without one where it cannot be taken now: with results outstanding, take one first; else
 * lm_session_wait_ready(). That is so before READY, while all slots are taken, and after a change
 * of frame->info or region, which the worker must prepare once older frames are done. params may be
 * NULL: all zero. */
bool lm_session_submit(LmSession *session, const LmFrame *frame, LmRect region,
                       const LmSubmitParams *params, guint64 *ticket, GError **error);
/** Blocks for the oldest outstanding result; false where there is none outstanding, or when
 * flushing. */
bool lm_session_wait_result(LmSession *session, LmResult *result);
/** As lm_session_wait_result(), but false too once lm_clock_now() has reached `deadline`. */
bool lm_session_wait_result_until(LmSession *session, gint64 deadline, LmResult *result);
/** One frame from submission to its mask, for callers with no other results outstanding: waits for
 * the session, started before, to be ready and for the result, to be cleared with lm_result_clear()
 * in either case. False with an error, or without one when flushing. */
bool lm_session_segment(LmSession *session, const LmFrame *frame, LmRect region, LmResult *result,
                        GError **error);
/** Takes the oldest finished result without waiting; false where there is none. */
bool lm_session_poll_result(LmSession *session, LmResult *result);
/** How many submitted frames have not yielded their result. */
unsigned lm_session_outstanding(LmSession *session);
guint64 lm_session_superseded(LmSession *session);

/** While flushing, waits return false at once. */
void lm_session_set_flushing(LmSession *session, bool flushing);
/** Drops every outstanding frame and finished result: none of them will be returned. Does not wait
 * for the device. */
void lm_session_discard(LmSession *session);

G_END_DECLS
