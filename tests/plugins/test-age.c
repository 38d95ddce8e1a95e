/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The age of masks: each mask that mode latest puts on a frame is that of exactly one earlier
 * frame, identified by its bytes, and the reported age is the time between the two. */
#include <stdlib.h>

#include "support.h"

/* All frames differ, by motion and by the sensor's noise. */
#define N_FRAMES 150
#define SCENE "endoscopytestsrc seed=5 motion=1 noise=0.5 num-buffers=" G_STRINGIFY(N_FRAMES)
#define CAPS                                                                                       \
    "video/x-raw,format=RGB,width=" G_STRINGIFY(TINY_WIDTH) ",height=" G_STRINGIFY(TINY_HEIGHT)
#define MODEL "lmnet " TINY "region=full min-area=0 "

static const GstStructure *mask_meta(GstBuffer *buffer)
{
    GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, GST_LM_MASK_META);
    return meta ? gst_custom_meta_get_structure(meta) : NULL;
}

static GBytes *mask_bytes(const GstStructure *meta)
{
    const GValue *mask = gst_structure_get_value(meta, "mask");
    ck_assert_ptr_nonnull(mask);
    return test_bytes(gst_value_get_buffer(mask));
}

/* A copy of a frame, as number `index` in all its fields. */
static GstBuffer *frame_copy(GPtrArray *frames, guint index)
{
    GstBuffer *buffer = gst_buffer_copy_deep(g_ptr_array_index(frames, index));
    GST_BUFFER_PTS(buffer) = index * FRAME_TIME;
    GST_BUFFER_DURATION(buffer) = FRAME_TIME;
    return buffer;
}

/* Each frame's own mask; all must differ, so that a mask identifies its frame. */
static GPtrArray *own_masks(GPtrArray *frames)
{
    GstHarness *harness = test_harness(MODEL "mode=every-frame in-flight=1", NULL);
    GPtrArray *masks = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    GHashTable *seen = g_hash_table_new(g_bytes_hash, g_bytes_equal);
    test_set_caps(harness, "RGB", TINY_WIDTH, TINY_HEIGHT);
    for (guint i = 0; i < frames->len; i++) {
        ck_assert_int_eq(gst_harness_push(harness, frame_copy(frames, i)), GST_FLOW_OK);
        GstBuffer *out = gst_harness_pull(harness);
        ck_assert_ptr_nonnull(mask_meta(out));
        g_ptr_array_add(masks, mask_bytes(mask_meta(out)));
        ck_assert_msg(g_hash_table_add(seen, g_ptr_array_index(masks, i)),
                      "frame %u has the mask of one before", i);
        gst_buffer_unref(out);
    }
    g_hash_table_unref(seen);
    gst_harness_teardown(harness);
    return masks;
}

static guint find_mask(GPtrArray *masks, GBytes *mask)
{
    guint index;
    ck_assert_msg(g_ptr_array_find_with_equal_func(masks, mask, g_bytes_equal, &index),
                  "a mask that is no frame's");
    return index;
}

START_TEST(age_is_that_of_the_content)
{
    GstVideoInfo info;
    GPtrArray *frames = test_play(SCENE, CAPS, N_FRAMES, &info);
    GstHarness *harness =
        test_harness(MODEL "mode=latest max-wait=0 max-mask-age=3600000000000", NULL);
    test_set_caps(harness, "RGB", TINY_WIDTH, TINY_HEIGHT);
    test_wait_ready(harness->element);

    /* Pushes groups of three without a pause, so that ages vary. */
    GPtrArray *outs = g_ptr_array_new_with_free_func((GDestroyNotify)gst_buffer_unref);
    for (guint n = 0; n < N_FRAMES; n++) {
        ck_assert_int_eq(gst_harness_push(harness, frame_copy(frames, n)), GST_FLOW_OK);
        g_ptr_array_add(outs, gst_harness_pull(harness));
        g_usleep(n % 3 == 2 ? 45000 : 0);
    }
    gst_harness_teardown(harness);

    GPtrArray *masks = own_masks(frames);
    guint marked = 0, different = 0, last = G_MAXUINT, aged = 0;
    for (guint n = 0; n < N_FRAMES; n++) {
        const GstStructure *meta = mask_meta(g_ptr_array_index(outs, n));
        guint64 age;
        if (!meta)
            continue;
        GBytes *mask = mask_bytes(meta);
        guint of = find_mask(masks, mask);
        g_bytes_unref(mask);
        ck_assert_uint_le(of, n);
        ck_assert(gst_structure_get_uint64(meta, "age", &age));
        gint64 difference = (gint64)age - (gint64)((n - of) * FRAME_TIME);
        ck_assert_msg(llabs(difference) <= (gint64)FRAME_TIME,
                      "frame %u with the mask of frame %u: an age of %" G_GUINT64_FORMAT " ns", n,
                      of, age);
        marked++;
        aged += n > of + 1;
        different += of != last;
        last = of;
    }
    ck_assert_uint_gt(marked, N_FRAMES / 10);
    ck_assert_uint_gt(different, 3);
    ck_assert_uint_gt(aged, 0);
    g_ptr_array_unref(masks);
    g_ptr_array_unref(outs);
    g_ptr_array_unref(frames);
}
END_TEST

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    Suite *suite = suite_create("age");
    TCase *tcase = tcase_create("age");
    tcase_set_timeout(tcase, 150);
    tcase_add_test(tcase, age_is_that_of_the_content);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
