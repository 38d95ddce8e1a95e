/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnet's state, as the message lmnet-state and the status indicator show it, and the messages of
 * type element. */
#pragma once

#include <pthread.h>

#include "gstlmpainter.h"
#include "mask/track.h"
#include "session/session.h"

G_BEGIN_DECLS

/** The content of the frames. */
typedef enum { GST_LM_PICTURE_LIVE, GST_LM_PICTURE_FROZEN, GST_LM_PICTURE_NO_SIGNAL } GstLmPicture;

/** Each setter posts lmnet-state if the state's name becomes another one; reasons alone are no
 * news. All functions may be called from any thread, without the element's object lock.
 *
 * Two locks, `posting` first. A bus may call the application from within
 * gst_element_post_message(), and the application may ask for `stats`, which takes `lock`: so
 * `lock` is never held there. */
typedef struct {
    GstElement *element;     /**< Not owned: it owns this. */
    pthread_mutex_t posting; /**< Held while a message is posted, so that they come in order. */
    pthread_mutex_t lock;    /**< Guards all fields below. */
    LmSessionState session;
    char *session_reason;
    char *slow_reason; /**< latest: why no mask is young enough; NULL: masks are. */
    GstLmPicture picture;
    const char *reported; /**< The last name posted; NULL: none. */
} GstLmNetState;

void gst_lm_net_state_init(GstLmNetState *self, GstElement *element);
void gst_lm_net_state_finish(GstLmNetState *self);
/** The session is gone; posts nothing. */
void gst_lm_net_state_reset(GstLmNetState *self);

void gst_lm_net_state_set_session(GstLmNetState *self, LmSessionState session, const char *reason);
/** Takes the reason; NULL: not slow. */
void gst_lm_net_state_set_slow(GstLmNetState *self, char *reason);
void gst_lm_net_state_set_picture(GstLmNetState *self, GstLmPicture picture);

/** The state's name in lmnet-state, static, and its indicator. */
const char *gst_lm_net_state_get(GstLmNetState *self, GstLmIndicator *indicator);

/** Posts lmnet-detection. pts and stream_time: of the frame that the mask was computed from. */
void gst_lm_net_state_post_detection(GstLmNetState *self, LmTrackEvent event,
                                     const LmFinding *finding, const char *label, GstClockTime pts,
                                     GstClockTime stream_time);

G_END_DECLS
