/* SPDX-License-Identifier: LGPL-2.1-or-later
 * An inference that does not come back for ten seconds: in mode latest no frame waits for it.
 *
 * The test is linked with --wrap for the Vulkan function that hands work to the device. */
#include "support.h"

#define STALL_SECONDS 10

static gint stall, stalled;

VkResult __real_vkQueueSubmit(VkQueue queue, uint32_t n, const VkSubmitInfo *submits,
                              VkFence fence);
VkResult __wrap_vkQueueSubmit(VkQueue queue, uint32_t n, const VkSubmitInfo *submits,
                              VkFence fence);

VkResult __wrap_vkQueueSubmit(VkQueue queue, uint32_t n, const VkSubmitInfo *submits, VkFence fence)
{
    if (g_atomic_int_compare_and_exchange(&stall, TRUE, FALSE)) {
        g_atomic_int_set(&stalled, TRUE);
        g_usleep(STALL_SECONDS * G_USEC_PER_SEC);
        g_atomic_int_set(&stalled, FALSE);
    }
    return __real_vkQueueSubmit(queue, n, submits, fence);
}

/* A frame in, and out by the time that push returns. */
static int pass(GstHarness *harness, int index)
{
    ck_assert_int_eq(gst_harness_push(harness, test_golden_frame(index)), GST_FLOW_OK);
    GstBuffer *out = gst_harness_try_pull(harness);
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(GST_BUFFER_OFFSET(out), (guint64)index);
    int findings = test_n_findings(out);
    gst_buffer_unref(out);
    return findings;
}

/* Frames until one is marked; the number of the next. */
static int pass_until_marked(GstHarness *harness, int index)
{
    for (int end = index + 1000; index < end; index++) {
        if (pass(harness, index) > 0)
            return index + 1;
        g_usleep(33000);
    }
    ck_abort_msg("no frame is marked");
    return 0;
}

START_TEST(no_frame_waits)
{
    GstHarness *harness = test_harness("lmnet " TINY "mode=latest", NULL);
    test_set_caps(harness, "RGB", TINY_WIDTH, TINY_HEIGHT);
    test_wait_ready(harness->element);
    int index = pass_until_marked(harness, 0), during = 0, clean = 0;

    g_atomic_int_set(&stall, TRUE);
    while (g_atomic_int_get(&stall)) {
        pass(harness, index++);
        g_usleep(5000);
    }
    /* Each frame that goes through while the device stands still did not wait for it. */
    while (g_atomic_int_get(&stalled)) {
        clean += pass(harness, index++) < 0;
        during += g_atomic_int_get(&stalled);
        g_usleep(33000);
    }
    ck_assert_int_gt(during, 30);
    /* Marks get too old in time. */
    ck_assert_int_gt(clean, during / 2);
    pass_until_marked(harness, index);
    gst_harness_teardown(harness);
}
END_TEST

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    Suite *suite = suite_create("stall");
    TCase *tcase = tcase_create("stall");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, no_frame_waits);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
