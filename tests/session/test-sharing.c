/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Several sessions of a process: shared resources, the same masks as alone, fair turns, and
 * separate errors. */
#include "sessions.h"

#include <pthread.h>

#include "gate.h"
#include "gpu/buffer.h"
#include "gpu/fault.h"
#include "util/clock.h"
#include "session/orphans.h"

#define MOST 4

/* A thread that keeps its session's slots full until all sessions have answered enough. */
typedef struct {
    LmSession *session;
    bool latest; /* submits its frames with `replace` */
    double worst;
    gint *total, wanted; /* results of all streams together: atomic */
    gint answered;
} Stream;

static void *feed(void *data)
{
    Stream *stream = data;
    LmFrame frame = test_golden_frame();
    GError *error = NULL;
    guint64 ticket;
    while (g_atomic_int_get(stream->total) < stream->wanted && !error) {
        bool taken =
            lm_session_submit(stream->session, &frame, test_whole,
                              &(LmSubmitParams){.replace = stream->latest}, &ticket, &error);
        LmResult result;
        if (taken && stream->latest)
            g_usleep(5000); /* more often than video, but with time for threads of lower priority */
        bool got = taken ? lm_session_poll_result(stream->session, &result)
                         : lm_session_wait_result(stream->session, &result) ||
                               (lm_session_wait_ready(stream->session) && false);
        if (got && result.mask) {
            double difference = test_worst_difference(result.mask);
            stream->worst = MAX(stream->worst, difference);
            stream->answered++;
            g_atomic_int_inc(stream->total);
        }
        if (got)
            lm_result_clear(&result);
    }
    if (error)
        g_printerr("%s\n", error->message);
    g_clear_error(&error);
    return NULL;
}

static void run_streams(Stream *streams, unsigned n, gint wanted)
{
    pthread_t threads[MOST];
    gint total = 0;
    for (unsigned i = 0; i < n; i++)
        test_answers(streams[i].session); /* all exist before the first one begins */
    for (unsigned i = 0; i < n; i++) {
        streams[i].total = &total;
        streams[i].wanted = wanted;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, feed, &streams[i]), 0);
    }
    for (unsigned i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < n; i++) {
        ck_assert_double_le(streams[i].worst, 0.51);
        lm_session_discard(streams[i].session);
    }
}

static void free_streams(Stream *streams, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        lm_session_free(&streams[i].session);
    ck_assert(lm_orphans_wait(100 * LM_SECOND_NS));
    ck_assert_uint_eq(lm_buffer_total_bytes(), 0);
}

/* n busy sessions, in two modes by turns. */
static void check_fairness(unsigned n)
{
    Stream streams[MOST] = {0};
    for (unsigned i = 0; i < n; i++)
        streams[i] = (Stream){
            .session = test_open_session(&(LmSessionParams){.precision = LM_PRECISION_FP32}),
            .latest = i % 2 == 1,
        };
    run_streams(streams, n, (gint)n * 30);
    gint least = G_MAXINT, most = 0;
    for (unsigned i = 0; i < n; i++) {
        least = MIN(least, streams[i].answered);
        most = MAX(most, streams[i].answered);
    }
    ck_assert_msg(most <= 2 * least, "%d and %d frames of %d sessions", least, most, (int)n);
    free_streams(streams, n);
}

START_TEST(two_are_fair)
{
    check_fairness(2);
}
END_TEST

START_TEST(four_are_fair)
{
    check_fairness(4);
}
END_TEST

static LmSession *open_ready(LmPrecision precision)
{
    LmSession *session = test_open_session(&(LmSessionParams){.precision = precision});
    test_answers(session);
    return session;
}

START_TEST(memory)
{
    LmSession *first = open_ready(LM_PRECISION_FP32);
    guint64 one = lm_buffer_total_bytes();
    LmSession *second = open_ready(LM_PRECISION_FP32);
    guint64 two = lm_buffer_total_bytes();
    /* Only frames, neither weights nor arena. */
    ck_assert_uint_gt(two, one);
    ck_assert_msg((two - one) * 4 < one, "%" G_GUINT64_FORMAT " and %" G_GUINT64_FORMAT " bytes",
                  one, two);
    LmSession *other = open_ready(LM_PRECISION_FP16);
    ck_assert_uint_gt(lm_buffer_total_bytes() - two, 2 * (two - one));
    lm_session_free(&other);

    /* The first session ends; the shared resources stay. */
    lm_session_free(&first);
    ck_assert(lm_orphans_wait(100 * LM_SECOND_NS));
    ck_assert_uint_eq(lm_buffer_total_bytes(), one);
    test_answers(second);
    first = open_ready(LM_PRECISION_FP32);
    ck_assert_uint_eq(lm_buffer_total_bytes(), two);
    lm_session_free(&second);
    test_answers(first);
    lm_session_free(&first);
    ck_assert_uint_eq(lm_buffer_total_bytes(), 0);
}
END_TEST

/* Sessions that start at the same time wait for one that makes the shared resources. */
START_TEST(start_together)
{
    LmSession *sessions[MOST];
    for (unsigned i = 0; i < MOST; i++)
        sessions[i] = test_open_session(&(LmSessionParams){.precision = LM_PRECISION_FP32});
    lm_session_free(&sessions[0]); /* perhaps the one that makes them */
    guint64 bytes = 0;
    for (unsigned i = 1; i < MOST; i++) {
        test_answers(sessions[i]);
        bytes = i == 1 ? lm_buffer_total_bytes() : bytes;
    }
    ck_assert(lm_orphans_wait(100 * LM_SECOND_NS));
    ck_assert_uint_lt(lm_buffer_total_bytes(), 2 * bytes);
    for (unsigned i = 1; i < MOST; i++)
        lm_session_free(&sessions[i]);
    ck_assert_uint_eq(lm_buffer_total_bytes(), 0);
}
END_TEST

/* Submits a frame, which may fail. */
static void try_frame(LmSession *session)
{
    LmFrame frame = test_golden_frame();
    LmResult result;
    lm_session_segment(session, &frame, test_whole, &result, NULL);
    lm_result_clear(&result);
}

/* If the device is lost for one session, it is lost for all; the new resources are shared as
 * before. */
START_TEST(lost_together)
{
    Stream streams[3] = {0};
    for (unsigned i = 0; i < 3; i++)
        streams[i].session = open_ready(LM_PRECISION_FP32);
    guint64 bytes = lm_buffer_total_bytes();
    for (int round = 0; round < 3; round++) {
        lm_fault_inject(LM_FAULT_SUBMIT, LM_FAULT_ONCE, 0, VK_ERROR_DEVICE_LOST);
        for (unsigned i = 0; i < 3; i++)
            try_frame(streams[i].session);
        for (unsigned i = 0; i < 3; i++)
            test_await_state(streams[i].session, LM_SESSION_READY);
        for (unsigned i = 0; i < 3; i++)
            test_answers(streams[i].session);
        ck_assert_uint_eq(lm_buffer_total_bytes(), bytes);
        run_streams(streams, 3, 12);
    }
    free_streams(streams, 3);
}
END_TEST

/* A session without frames does not keep the failed resources, which may take all memory. */
START_TEST(lost_while_idle)
{
    LmSession *idle = open_ready(LM_PRECISION_FP32), *busy = open_ready(LM_PRECISION_FP32);
    guint64 bytes = lm_buffer_total_bytes();
    lm_fault_inject(LM_FAULT_SUBMIT, LM_FAULT_ONCE, 0, VK_ERROR_DEVICE_LOST);
    try_frame(busy);
    test_await_state(idle, LM_SESSION_DEGRADED);
    test_await_state(idle, LM_SESSION_READY);
    test_await_state(busy, LM_SESSION_READY);
    test_answers(busy);
    test_answers(idle);
    ck_assert_uint_eq(lm_buffer_total_bytes(), bytes);
    lm_session_free(&idle);
    lm_session_free(&busy);
    ck_assert(lm_orphans_wait(100 * LM_SECOND_NS));
    ck_assert_uint_eq(lm_buffer_total_bytes(), 0);
}
END_TEST

/* A failure of one session's request does not affect the other. */
START_TEST(errors_are_separate)
{
    LmSession *good = open_ready(LM_PRECISION_FP32), *bad = open_ready(LM_PRECISION_FP32);
    LmFrame frame = test_golden_frame();
    guint64 ticket;
    lm_fault_inject(LM_FAULT_MEMORY, LM_FAULT_ONCE, 0, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    ck_assert(!lm_session_submit(bad, &frame, (LmRect){0, 0, 40, 40}, NULL, &ticket, NULL));
    test_await_state(bad, LM_SESSION_DEGRADED);
    for (int i = 0; i < 5; i++)
        test_answers(good);
    test_await_state(bad, LM_SESSION_READY);
    test_answers(bad);
    lm_session_free(&bad);
    lm_session_free(&good);
    ck_assert_uint_eq(lm_buffer_total_bytes(), 0);
}
END_TEST

int main(void)
{
    test_sessions_init();

    Suite *suite = suite_create("sharing");
    TCase *tcase = tcase_create("sharing");
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, two_are_fair);
    tcase_add_test(tcase, four_are_fair);
    tcase_add_test(tcase, memory);
    tcase_add_test(tcase, start_together);
    tcase_add_test(tcase, lost_together);
    tcase_add_test(tcase, lost_while_idle);
    tcase_add_test(tcase, errors_are_separate);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
