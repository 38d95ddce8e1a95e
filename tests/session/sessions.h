/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The common parts of the session tests: the golden image, submitting frames, taking masks. */
#pragma once

#include "session/session.h"

G_BEGIN_DECLS

#define TEST_MODEL GOLDEN_DIR "/tiny.model.safetensors"
enum { TEST_WIDTH = 96, TEST_HEIGHT = 64 };

/** Begins every session test: ends the process if there is no device. */
void test_sessions_init(void);

/** The golden input. Lives as long as the process. */
LmFrame test_golden_frame(void);
extern const LmRect test_whole;
/** The largest difference of its mask from 255 p of the golden logits, in levels. */
double test_worst_difference(const LmMask *mask);

/** A started session of the tiny model with these settings, except model and cache. */
LmSession *test_open_session(const LmSessionParams *params);
/** Waits until the session is in this state; fails the test if it does not get there. */
void test_await_state(LmSession *session, LmSessionState state);

/** Submits a frame, with the waits that session.h describes; results taken in the meantime go to
 * `results` (LmResult *). Returns the ticket. */
guint64 test_submit(LmSession *session, const LmFrame *frame, LmRect region, GQueue *results);
/** Waits for all outstanding results. */
void test_drain(LmSession *session, GQueue *results);
void test_free_result(gpointer result);
/** Submits a golden frame, whose mask must be right. */
void test_answers(LmSession *session);

G_END_DECLS
