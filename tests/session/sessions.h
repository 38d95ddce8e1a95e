/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What the tests of sessions share: the golden picture, and frames in and masks out. */
#pragma once

#include "session/session.h"

G_BEGIN_DECLS

#define TEST_MODEL GOLDEN_DIR "/tiny.model.safetensors"
enum { TEST_WIDTH = 96, TEST_HEIGHT = 64 };

/** What every session test begins with: ends the process where there is no device. */
void test_sessions_init(void);

/** The golden input. Lives as long as the process. */
LmFrame test_golden_frame(void);
extern const LmRect test_whole;
/** How far a mask of it is from 255 p of the golden logits, in levels. */
double test_worst_difference(const LmMask *mask);

/** Of the tiny model with these settings but for its own, cache and model; started. */
LmSession *test_open_session(const LmSessionParams *params);
/** Waits until the session is in that state; the test fails where it does not get there. */
void test_await_state(LmSession *session, LmSessionState state);

/** Submits, waiting as the header says to; results that had to be taken meanwhile go to `results`
 * (LmResult *). Returns the ticket. */
guint64 test_submit(LmSession *session, const LmFrame *frame, LmRect region, GQueue *results);
/** Waits for all that is outstanding. */
void test_drain(LmSession *session, GQueue *results);
void test_free_result(gpointer result);
/** One golden frame, which must come out right. */
void test_answers(LmSession *session);

G_END_DECLS
