/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Sessions whose device fails or hangs: no call waits for it, every frame is answered, and the
 * session recovers with the device. */
#include "sessions.h"

#include <pthread.h>
#include <string.h>

#include "gate.h"
#include "gpu/buffer.h"
#include "gpu/fault.h"
#include "util/clock.h"
#include "session/orphans.h"
#include "util/error.h"

/* The reported states of a session, STARTING only once; and the last reason. */
typedef struct {
    pthread_mutex_t lock;
    GString *states;
    char *reason;
    bool closed; /* nothing may be reported any more */
} Log;

static void note(void *user, const LmSessionReport *report)
{
    static const char letters[] = {[LM_SESSION_IDLE] = 'I',
                                   [LM_SESSION_STARTING] = 'S',
                                   [LM_SESSION_READY] = 'R',
                                   [LM_SESSION_DEGRADED] = 'D',
                                   [LM_SESSION_FAILED] = 'F'};
    Log *log = user;
    pthread_mutex_lock(&log->lock);
    g_assert(!log->closed);
    if (report->state != LM_SESSION_STARTING || log->states->len == 0)
        g_string_append_c(log->states, letters[report->state]);
    g_free(log->reason);
    log->reason = g_strdup(report->error ? report->error->message : report->step);
    pthread_mutex_unlock(&log->lock);
}

static void init_log(Log *log)
{
    *log = (Log){.states = g_string_new(NULL)};
    pthread_mutex_init(&log->lock, NULL);
}

static void expect_log(Log *log, const char *states)
{
    pthread_mutex_lock(&log->lock);
    ck_assert_str_eq(log->states->str, states);
    pthread_mutex_unlock(&log->lock);
}

static void finish_log(Log *log)
{
    g_string_free(log->states, TRUE);
    g_free(log->reason);
    pthread_mutex_destroy(&log->lock);
}

/* stall_ns of sessions whose device hangs: long enough for a working device on a busy machine. */
#define PATIENCE (3 * LM_SECOND_NS / 2)

/* Checks that everything on the device has been freed, and that no orphaned threads remain. */
static void expect_nothing_left(void)
{
    ck_assert(lm_orphans_wait(100 * LM_SECOND_NS));
    ck_assert_uint_eq(lm_buffer_total_bytes(), 0);
}

/* A degraded session refuses frames at once, with the reason. */
static void expect_refusal(LmSession *session, const char *part)
{
    LmFrame frame = test_golden_frame();
    GError *error = NULL;
    guint64 ticket;
    ck_assert(!lm_session_wait_ready(session));
    ck_assert(!lm_session_submit(session, &frame, test_whole, NULL, &ticket, &error));
    ck_assert_ptr_nonnull(error);
    ck_assert_msg(strstr(error->message, part), "\"%s\" lacks \"%s\"", error->message, part);
    g_error_free(error);
}

/* Submits frames until one is refused; each one before is answered, in order, with a mask or an
 * error. */
static void submit_until_refused(LmSession *session)
{
    LmFrame frame = test_golden_frame();
    GError *error = NULL;
    guint64 ticket = 0, last = 0, next = 0;
    unsigned n = 0, answered = 0;
    while (!error) {
        if (lm_session_submit(session, &frame, test_whole, NULL, &ticket, &error)) {
            ck_assert(n == 0 || ticket == last + 1);
            last = ticket;
            next = n++ ? next : ticket;
        }
        LmResult result;
        bool full = !error && n > answered + 2;
        while (full ? lm_session_wait_result(session, &result)
                    : lm_session_poll_result(session, &result)) {
            ck_assert_uint_eq(result.ticket, next++);
            ck_assert((result.mask == NULL) == (result.error != NULL));
            answered++;
            full = false;
            lm_result_clear(&result);
        }
        ck_assert_uint_lt(n, 100000);
    }
    g_error_free(error);
    for (LmResult result; lm_session_wait_result(session, &result); answered++) {
        ck_assert_uint_eq(result.ticket, next++);
        lm_result_clear(&result);
    }
    ck_assert_uint_eq(answered, n);
}

/* Classes whose calls are made for every frame; the others fail when the device is made again. */
static bool is_per_frame(LmFaultClass calls)
{
    return calls == LM_FAULT_SUBMIT || calls == LM_FAULT_WAIT;
}

static void strike(LmFaultClass calls, LmFaultMode mode)
{
    lm_fault_inject(calls, mode, 0, VK_ERROR_DEVICE_LOST);
    if (!is_per_frame(calls))
        lm_fault_inject(LM_FAULT_SUBMIT, LM_FAULT_ONCE, 2, VK_ERROR_DEVICE_LOST);
}

START_TEST(every_class_once)
{
    LmSession *session = test_open_session(&(LmSessionParams){0});
    for (LmFaultClass calls = 0; calls < LM_N_FAULTS; calls++) {
        unsigned before = lm_fault_count(calls);
        test_answers(session);
        strike(calls, LM_FAULT_ONCE);
        submit_until_refused(session);
        test_await_state(session, LM_SESSION_READY);
        test_answers(session);
        ck_assert_uint_eq(lm_fault_count(calls), before + 1);
    }
    lm_session_free(&session);
    expect_nothing_left();
}
END_TEST

START_TEST(every_class_always)
{
    LmSession *session = test_open_session(&(LmSessionParams){0});
    for (LmFaultClass calls = 0; calls < LM_N_FAULTS; calls++) {
        unsigned before = lm_fault_count(calls);
        test_answers(session);
        strike(calls, LM_FAULT_ALWAYS);
        submit_until_refused(session);
        while (lm_fault_count(calls) == before)
            g_usleep(10000);
        ck_assert_int_eq(lm_session_state(session), LM_SESSION_DEGRADED);
        expect_refusal(session, "DEVICE_LOST");
        lm_fault_clear();
        test_await_state(session, LM_SESSION_READY);
        test_answers(session);
    }
    /* Freed while degraded, too. */
    strike(LM_FAULT_DEVICE, LM_FAULT_ALWAYS);
    submit_until_refused(session);
    lm_session_free(&session);
    lm_fault_clear();
    expect_nothing_left();
}
END_TEST

START_TEST(start_fails)
{
    /* The others exist before the session starts. */
    for (LmFaultClass calls = LM_FAULT_INSTANCE; calls < LM_N_FAULTS; calls++) {
        Log log;
        init_log(&log);
        GError *error = NULL;
        LmSession *session =
            lm_session_new(&(LmSessionParams){.model = TEST_MODEL,
                                              .device = g_getenv("LMNET_TEST_DEVICE"),
                                              .cache_dir = "",
                                              .report = note,
                                              .user = &log},
                           &error);
        lm_test_ok(session != NULL, error);
        lm_fault_inject(calls, LM_FAULT_ALWAYS, 0, VK_ERROR_OUT_OF_HOST_MEMORY);
        lm_session_start(session);
        test_await_state(session, LM_SESSION_FAILED);
        expect_refusal(session, "OUT_OF_HOST_MEMORY");
        error = lm_session_error(session);
        ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_MEMORY));
        g_error_free(error);
        lm_session_free(&session);
        expect_log(&log, "SF");
        finish_log(&log);
        lm_fault_clear();
    }
    expect_nothing_left();
}
END_TEST

START_TEST(reports_states)
{
    Log log;
    init_log(&log);
    LmSession *session = test_open_session(&(LmSessionParams){.report = note, .user = &log});
    test_answers(session);
    expect_log(&log, "SR");
    lm_fault_inject(LM_FAULT_SUBMIT, LM_FAULT_ONCE, 0, VK_ERROR_DEVICE_LOST);
    submit_until_refused(session);
    test_await_state(session, LM_SESSION_READY);
    ck_assert_ptr_null(lm_session_error(session));
    test_answers(session);
    expect_log(&log, "SRDR");

    /* An attempt that fails for another reason is reported, too. */
    lm_fault_inject(LM_FAULT_SUBMIT, LM_FAULT_ONCE, 0, VK_ERROR_DEVICE_LOST);
    lm_fault_inject(LM_FAULT_DEVICE, LM_FAULT_ONCE, 0, VK_ERROR_INITIALIZATION_FAILED);
    submit_until_refused(session);
    test_await_state(session, LM_SESSION_READY);
    test_answers(session);
    expect_log(&log, "SRDRDDR");
    lm_session_free(&session);
    log.closed = true;
    expect_nothing_left();
    finish_log(&log);
}
END_TEST

/* The device seems to hang for ten seconds; nobody may wait for it. */
static LmSession *open_stalled(Log *log)
{
    init_log(log);
    LmSession *session =
        test_open_session(&(LmSessionParams){.report = note, .user = log, .stall_ns = PATIENCE});
    LmFrame frame = test_golden_frame();
    GError *error = NULL;
    guint64 ticket;
    test_answers(session);
    lm_fault_stall(10000, 0);
    for (int i = 0; i < 2; i++)
        lm_test_ok(lm_session_submit(session, &frame, test_whole, NULL, &ticket, &error), error);
    /* Both are answered long before the device answers. */
    for (guint64 i = 0; i < 2; i++) {
        LmResult result;
        ck_assert(lm_session_wait_result(session, &result));
        ck_assert_uint_eq(result.ticket, ticket - 1 + i);
        ck_assert(g_error_matches(result.error, LM_ERROR, LM_ERROR_TIMEOUT));
        lm_result_clear(&result);
    }
    for (int i = 0; i < 100; i++) {
        LmResult result;
        expect_refusal(session, "has not answered");
        ck_assert(!lm_session_poll_result(session, &result));
        ck_assert(!lm_session_wait_result(session, &result));
        lm_session_discard(session);
    }
    ck_assert_int_eq(lm_session_state(session), LM_SESSION_DEGRADED);
    return session;
}

START_TEST(stall_ends)
{
    Log log;
    LmSession *session = open_stalled(&log);
    guint64 bytes = lm_buffer_total_bytes();
    lm_fault_clear();
    test_await_state(session, LM_SESSION_READY);
    test_answers(session);
    /* Nothing was freed or made again. */
    ck_assert_uint_eq(lm_buffer_total_bytes(), bytes);
    expect_log(&log, "SRDR");
    lm_session_free(&session);
    expect_nothing_left();
    finish_log(&log);
}
END_TEST

START_TEST(freed_while_stalled)
{
    Log log;
    LmSession *session = open_stalled(&log);
    lm_session_free(&session);
    log.closed = true;
    /* Nobody waits for it: its worker still exists, and frees everything when the device lets
     * it. */
    ck_assert_uint_eq(lm_orphans_count(), 1);
    guint64 bytes = lm_buffer_total_bytes();
    ck_assert_uint_gt(bytes, 0);
    /* In the meantime another session starts and stops. It does not use the resources that hang. */
    session = test_open_session(&(LmSessionParams){0});
    for (int i = 0; lm_buffer_total_bytes() <= bytes && i < 5000; i++)
        g_usleep(1000);
    ck_assert_uint_gt(lm_buffer_total_bytes(), bytes);
    lm_session_free(&session);
    lm_fault_clear();
    expect_nothing_left();
    finish_log(&log);
}
END_TEST

/* The device never answers: it is given up, and its resources are left to an orphaned thread. */
START_TEST(hangs)
{
    Log log;
    init_log(&log);
    LmSession *session = test_open_session(&(LmSessionParams){.report = note, .user = &log});
    for (int i = 0; i < 2; i++) {
        test_answers(session);
        lm_fault_inject(LM_FAULT_WAIT, LM_FAULT_ALWAYS, 0, VK_TIMEOUT);
        submit_until_refused(session);
        /* At first it only seems slow. */
        while (lm_fault_count(LM_FAULT_WAIT) == 0 || lm_session_state(session) == LM_SESSION_READY)
            g_usleep(1000);
        for (bool given_up = false; !given_up; g_usleep(1000)) {
            GError *error = lm_session_error(session);
            given_up = error && strstr(error->message, "did not answer within");
            g_clear_error(&error);
        }
        lm_fault_clear();
        test_await_state(session, LM_SESSION_READY);
    }
    test_answers(session);
    expect_log(&log, "SRDDRDDR");
    lm_session_free(&session);
    expect_nothing_left();
    finish_log(&log);
}
END_TEST

/* Preparing a layout hangs: callers notice, and nobody waits for it. The device is never given up
 * for this, since frames of other sessions may be queued before it. */
START_TEST(layout_hangs)
{
    LmSession *session = test_open_session(&(LmSessionParams){.stall_ns = PATIENCE});
    LmFrame frame = test_golden_frame();
    GError *error = NULL;
    guint64 ticket;
    test_answers(session);
    lm_fault_stall(11000, 0);
    ck_assert(!lm_session_submit(session, &frame, (LmRect){0, 0, 50, 50}, NULL, &ticket, &error));
    ck_assert_ptr_null(error);
    ck_assert(!lm_session_wait_ready(session));
    while ((error = lm_session_error(session))) {
        ck_assert_msg(strstr(error->message, "has not answered"), "%s", error->message);
        g_clear_error(&error);
        g_usleep(1000);
    }
    lm_fault_clear();
    test_answers(session);
    lm_session_free(&session);
    expect_nothing_left();
}
END_TEST

/* There is no memory for a layout: another layout is tried at once, without a pause. */
START_TEST(layout_fails)
{
    LmSession *session = test_open_session(&(LmSessionParams){0});
    LmFrame frame = test_golden_frame();
    GError *error = NULL;
    guint64 ticket;
    test_answers(session);
    lm_fault_inject(LM_FAULT_MEMORY, LM_FAULT_ALWAYS, 0, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    ck_assert(!lm_session_submit(session, &frame, (LmRect){0, 0, 50, 50}, NULL, &ticket, &error));
    ck_assert_ptr_null(error);
    test_await_state(session, LM_SESSION_DEGRADED);
    expect_refusal(session, "OUT_OF_DEVICE_MEMORY");
    lm_fault_clear();
    expect_refusal(session, "OUT_OF_DEVICE_MEMORY"); /* requests another one */
    test_await_state(session, LM_SESSION_READY);
    test_answers(session);
    lm_session_free(&session);
    expect_nothing_left();
}
END_TEST

/* With a session that stalls easily. */
static void expect_answer_some_time(LmSession *session)
{
    LmFrame frame = test_golden_frame();
    LmResult result = {0};
    for (int i = 0; !result.mask && i < 1000; i++) {
        lm_result_clear(&result);
        test_await_state(session, LM_SESSION_READY);
        lm_session_segment(session, &frame, test_whole, &result, NULL);
    }
    ck_assert_ptr_nonnull(result.mask);
    ck_assert_double_le(test_worst_difference(result.mask), 0.51);
    lm_result_clear(&result);
}

/* Random faults in any order. */
START_TEST(random_events)
{
    GRand *random = g_rand_new_with_seed(1);
    LmFrame frame = test_golden_frame();
    for (int run = 0; run < 6; run++) {
        LmSession *session = test_open_session(&(LmSessionParams){
            .slots = (unsigned)g_rand_int_range(random, 1, 4), .stall_ns = LM_SECOND_NS / 20});
        for (int i = 0; i < 100; i++) {
            LmResult result;
            guint64 ticket;
            LmRect region = {0, 0, g_rand_int_range(random, 0, 20) ? TEST_WIDTH : 40, TEST_HEIGHT};
            int event = g_rand_int_range(random, 0, 40);
            if (event == 0)
                lm_session_discard(session);
            else if (event == 1)
                lm_session_set_flushing(session, g_rand_boolean(random));
            else if (event == 2)
                lm_fault_inject((LmFaultClass)g_rand_int_range(random, 0, LM_N_FAULTS),
                                LM_FAULT_ONCE, (unsigned)g_rand_int_range(random, 0, 5),
                                VK_ERROR_DEVICE_LOST);
            else if (event == 3)
                lm_fault_stall((unsigned)g_rand_int_range(random, 20, 200), 0);
            else if (event < 6)
                lm_session_wait_ready(session);
            else if (event < 10 && lm_session_wait_result(session, &result))
                lm_result_clear(&result);
            else
                lm_session_submit(session, &frame, region,
                                  &(LmSubmitParams){.replace = g_rand_boolean(random)}, &ticket,
                                  NULL);
            if (g_rand_boolean(random) && lm_session_poll_result(session, &result))
                lm_result_clear(&result);
        }
        lm_fault_clear();
        if (lm_session_state(session) != LM_SESSION_FAILED && g_rand_boolean(random)) {
            lm_session_set_flushing(session, false);
            lm_session_discard(session);
            expect_answer_some_time(session);
        }
        lm_session_free(&session);
    }
    g_rand_free(random);
    expect_nothing_left();
}
END_TEST

int main(void)
{
    test_sessions_init();

    Suite *suite = suite_create("recovery");
    TCase *classes = tcase_create("classes");
    tcase_set_timeout(classes, 300);
    tcase_add_test(classes, every_class_once);
    tcase_add_test(classes, every_class_always);
    tcase_add_test(classes, start_fails);
    tcase_add_test(classes, reports_states);
    suite_add_tcase(suite, classes);
    TCase *hanging = tcase_create("hanging");
    tcase_set_timeout(hanging, 300);
    tcase_add_test(hanging, stall_ends);
    tcase_add_test(hanging, freed_while_stalled);
    tcase_add_test(hanging, hangs);
    tcase_add_test(hanging, layout_hangs);
    tcase_add_test(hanging, layout_fails);
    suite_add_tcase(suite, hanging);
    TCase *random = tcase_create("random");
    tcase_set_timeout(random, 300);
    tcase_add_test(random, random_events);
    suite_add_tcase(suite, random);
    return lm_test_run(suite);
}
