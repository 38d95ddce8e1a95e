/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnet on a device that fails: the video continues, and the analysis resumes as soon as it can. */
#include "support.h"

#include <string.h>

#include "gpu/fault.h"

#define PATIENCE 4000

static const char *const modes[] = {"every-frame", "latest max-wait=0 max-mask-age=3600000000000"};

typedef struct {
    GstHarness *harness;
    GstBus *bus;
    int n; /* Frames pushed. */
    int out;
    gint64 longest;   /* push, µs */
    GString *reports; /* States and warnings: "[text], degraded, ready, ". */
    GQuark domain;    /* The code of the last warning. */
    gint code;
} Stream;

static void begin(Stream *s, const char *mode)
{
    char *launch = g_strdup_printf("lmnet " TINY "region=full mode=%s", mode);
    lm_fault_clear(); /* Left by a failed test. */
    *s = (Stream){.reports = g_string_new(NULL)};
    s->harness = test_harness(launch, &s->bus);
    g_free(launch);
    test_set_caps(s->harness, "RGB", TINY_WIDTH, TINY_HEIGHT);
    test_wait_ready(s->harness->element);
}

/* Takes the messages on the bus, none of which may be an error. */
static void listen(Stream *s)
{
    GstMessage *message;
    while ((message = gst_bus_pop(s->bus))) {
        const GstStructure *structure = gst_message_get_structure(message);
        GError *error;
        ck_assert_int_ne(GST_MESSAGE_TYPE(message), GST_MESSAGE_ERROR);
        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING) {
            gst_message_parse_warning(message, &error, NULL);
            g_string_append_printf(s->reports, "[%s], ", error->message);
            s->domain = error->domain;
            s->code = error->code;
            g_error_free(error);
        } else if (gst_message_has_name(message, "lmnet-state")) {
            g_string_append_printf(s->reports, "%s, ",
                                   gst_structure_get_string(structure, "state"));
        }
        gst_message_unref(message);
    }
}

static void stop(Stream *s)
{
    gst_harness_teardown(s->harness);
    gst_object_unref(s->bus);
    g_string_free(s->reports, TRUE);
}

static void end(Stream *s)
{
    gst_harness_push_event(s->harness, gst_event_new_eos());
    ck_assert_uint_eq(gst_harness_buffers_received(s->harness), (guint)s->n);
    listen(s);
    stop(s);
}

/* Pushes a frame. Frames must come out in order, and unchanged if they have no mask. Returns true
 * if one came out with a mask, or if `masked` is false, without one. */
static bool step(Stream *s, bool masked)
{
    bool found = false;
    GstBuffer *out;
    gint64 before = g_get_monotonic_time();
    ck_assert_int_eq(gst_harness_push(s->harness, test_moving_frame(s->n++)), GST_FLOW_OK);
    s->longest = MAX(s->longest, g_get_monotonic_time() - before);
    while ((out = gst_harness_try_pull(s->harness))) {
        ck_assert_uint_eq(GST_BUFFER_OFFSET(out), (guint64)s->out);
        GstBuffer *clean = test_moving_frame(s->out++);
        bool has = test_n_findings(out) >= 0;
        GBytes *a = test_bytes(out), *b = test_bytes(clean);
        ck_assert(has || g_bytes_equal(a, b));
        found |= has == masked;
        g_bytes_unref(a);
        g_bytes_unref(b);
        gst_buffer_unref(clean);
        gst_buffer_unref(out);
    }
    g_usleep(2000);
    return found;
}

static void step_until(Stream *s, bool masked)
{
    for (int i = 0; i < PATIENCE; i++)
        if (step(s, masked))
            return;
    ck_abort_msg(masked ? "no mask comes" : "masks do not end");
}

/* Steps until that state has been reported; forgets all reports until then. */
static void step_until_state(Stream *s, const char *state, const char *warning)
{
    g_autofree char *word = g_strconcat(state, ",", NULL);
    for (int i = 0; i < PATIENCE; i++) {
        listen(s);
        const char *at = strstr(s->reports->str, word);
        /* Its warning, if any, comes directly before it. */
        if (at && (!warning || strstr(s->reports->str, warning))) {
            const char *first = strchr(s->reports->str, '[');
            ck_assert_msg(!first == !warning && (!first || !strchr(first + 1, '[')), "%s",
                          s->reports->str);
            g_string_erase(s->reports, 0, at - s->reports->str + (gssize)strlen(word));
            return;
        }
        step(s, true);
    }
    ck_abort_msg("%s does not come: %s", state, s->reports->str);
}

/* The device existed when it was chosen, but cannot be opened: an error, in both modes. */
START_TEST(start_fails)
{
    for (guint i = 0; i < G_N_ELEMENTS(modes); i++) {
        lm_fault_inject(LM_FAULT_PIPELINE, LM_FAULT_ALWAYS, 0, VK_ERROR_OUT_OF_DEVICE_MEMORY);
        GstBus *bus;
        char *launch = g_strdup_printf("lmnet " TINY "mode=%s", modes[i]);
        GstHarness *harness = test_harness(launch, &bus);
        g_free(launch);
        test_set_caps(harness, "RGB", TINY_WIDTH, TINY_HEIGHT);
        GstFlowReturn ret = GST_FLOW_OK;
        for (int k = 0; ret == GST_FLOW_OK && k < 2000; k++) {
            ret = gst_harness_push(harness, test_golden_frame(k));
            g_usleep(5000);
        }
        ck_assert_int_eq(ret, GST_FLOW_ERROR);
        char *text = test_pop_text(bus, GST_MESSAGE_ERROR);
        ck_assert_ptr_nonnull(text);
        ck_assert_msg(strstr(text, "vkCreate"), "%s", text);
        ck_assert_ptr_null(gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR));
        g_free(text);

        /* The next attempt succeeds. */
        lm_fault_clear();
        gst_element_set_state(harness->element, GST_STATE_READY);
        ck_assert_int_ne(gst_element_set_state(harness->element, GST_STATE_PLAYING),
                         GST_STATE_CHANGE_FAILURE);
        gst_harness_teardown(harness);
        gst_object_unref(bus);
    }
}
END_TEST

static const struct {
    LmFaultClass calls;
    VkResult result;
    const char *says;
} faults[] = {
    {LM_FAULT_SUBMIT, VK_ERROR_DEVICE_LOST, "VK_ERROR_DEVICE_LOST"},
    {LM_FAULT_WAIT, VK_ERROR_DEVICE_LOST, "vkWaitForFences"},
    {LM_FAULT_SUBMIT, VK_ERROR_OUT_OF_DEVICE_MEMORY, "VK_ERROR_OUT_OF_DEVICE_MEMORY"},
};

/* A call fails once, and the device recovers at once. */
START_TEST(fails_once)
{
    Stream s;
    const int fault = _i / 2;
    begin(&s, modes[_i % 2]);
    step_until(&s, true);
    const unsigned before = lm_fault_count(faults[fault].calls);
    listen(&s);
    g_string_truncate(s.reports, 0);
    lm_fault_inject(faults[fault].calls, LM_FAULT_ONCE, 0, faults[fault].result);
    step_until_state(&s, "degraded", faults[fault].says);
    ck_assert_uint_eq(lm_fault_count(faults[fault].calls), before + 1);
    step_until_state(&s, "ready", NULL);
    step_until(&s, true);
    end(&s);
}
END_TEST

/* A lost device, exhausted memory and a time-out reach the bus with codes of their own. */
START_TEST(codes_differ)
{
    static const struct {
        VkResult result; /* VK_TIMEOUT: the device hangs. */
        gint code;
    } cases[] = {
        {VK_ERROR_DEVICE_LOST, GST_RESOURCE_ERROR_FAILED},
        {VK_ERROR_OUT_OF_DEVICE_MEMORY, GST_RESOURCE_ERROR_NO_SPACE_LEFT},
        {VK_TIMEOUT, GST_RESOURCE_ERROR_BUSY},
    };
    Stream s;
    begin(&s, modes[1]);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        step_until(&s, true);
        listen(&s);
        g_string_truncate(s.reports, 0);
        s.domain = 0;
        s.code = -1;
        if (cases[i].result == VK_TIMEOUT)
            lm_fault_stall(5000, 0);
        else
            lm_fault_inject(LM_FAULT_SUBMIT, LM_FAULT_ONCE, 0, cases[i].result);
        step_until_state(&s, "degraded", "Analysis failed");
        ck_assert_uint_eq(s.domain, GST_RESOURCE_ERROR);
        ck_assert_int_eq(s.code, cases[i].code);
        for (guint k = 0; k < i; k++)
            ck_assert_int_ne(s.code, cases[k].code);
        lm_fault_clear();
        step_until_state(&s, "ready", NULL);
    }
    end(&s);
}
END_TEST

/* The device is lost, and none is available for a while; then it is available again. */
START_TEST(lost_for_a_while)
{
    Stream s;
    begin(&s, modes[_i]);
    step_until(&s, true);
    listen(&s);
    g_string_truncate(s.reports, 0);
    const unsigned before = lm_fault_count(LM_FAULT_DEVICE);
    lm_fault_inject(LM_FAULT_DEVICE, LM_FAULT_ALWAYS, 0, VK_ERROR_INITIALIZATION_FAILED);
    lm_fault_inject(LM_FAULT_SUBMIT, LM_FAULT_ONCE, 0, VK_ERROR_DEVICE_LOST);
    step_until_state(&s, "degraded", "VK_ERROR_DEVICE_LOST");
    step_until(&s, false);
    while (lm_fault_count(LM_FAULT_DEVICE) < before + 2)
        ck_assert(!step(&s, true));
    lm_fault_clear();
    step_until_state(&s, "ready", NULL);
    step_until(&s, true);
    end(&s);
}
END_TEST

/* The device hangs for ten seconds: in mode latest no frame waits for it, and the state reports
 * it. */
START_TEST(stall)
{
    Stream s;
    begin(&s, modes[1]);
    step_until(&s, true);
    listen(&s);
    g_string_truncate(s.reports, 0);
    s.longest = 0;
    lm_fault_stall(10000, 0);
    step_until_state(&s, "degraded", "not answered");
    step_until_state(&s, "ready", NULL);
    /* A tenth of the stall: a loaded machine may be slow for a frame. */
    ck_assert_int_lt(s.longest, 1000000);
    step_until(&s, true);
    lm_fault_clear();
    end(&s);
}
END_TEST

/* A change of state does not wait for a device that hangs, either. */
START_TEST(stop_while_stalled)
{
    Stream s;
    begin(&s, modes[_i]);
    step_until(&s, true);
    lm_fault_stall(10000, 0);
    if (_i == 1)
        for (int i = 0; i < 20; i++)
            step(&s, false);
    gint64 before = g_get_monotonic_time();
    gst_element_set_state(s.harness->element, GST_STATE_NULL);
    ck_assert_int_lt(g_get_monotonic_time() - before, 5000000);
    lm_fault_clear();
    stop(&s);
}
END_TEST

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    Suite *suite = suite_create("recovery");
    TCase *tcase = tcase_create("recovery");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, start_fails);
    tcase_add_loop_test(tcase, fails_once, 0, 2 * G_N_ELEMENTS(faults));
    tcase_add_test(tcase, codes_differ);
    tcase_add_loop_test(tcase, lost_for_a_while, 0, G_N_ELEMENTS(modes));
    tcase_add_test(tcase, stall);
    tcase_add_loop_test(tcase, stop_while_stalled, 0, G_N_ELEMENTS(modes));
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
