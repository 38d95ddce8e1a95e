/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Masks and findings: the decision rule, components against a flood fill, boxes against the marked
 * pixels. */
#include "suite.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "masks.h"
#include "mask/findings.h"
#include "overlay/overlay.h"
#include "mask/resample.h"

#define FRAME ((LmRect){0, 0, 400, 300})

START_TEST(references)
{
    LmMask *mask = lm_mask_new(3, 2, 4, FRAME), *other = lm_mask_ref(mask);
    memset(mask->data, 1, 3 * 2 * 3);
    ck_assert_ptr_eq(mask, other);
    ck_assert_int_eq(mask->refs, 2);
    lm_mask_unref(&mask);
    ck_assert_ptr_null(mask);
    ck_assert_int_eq(other->refs, 1);
    lm_mask_unref(&other);
    lm_mask_unref(&other);
}
END_TEST

/* Every pair of bytes that two classes above background can have, also at awkward thresholds. */
START_TEST(decision_rule)
{
    const double thresholds[] = {0, 0.1, 0.2, 0.5, 0.6, 100 / 255.0, 51 / 255.0, 0.999, 1};
    LmMask *mask = lm_mask_new(256, 256, 3, FRAME);
    for (int i = 0; i < 256 * 256; i++) {
        mask->data[i] = i % 256;
        mask->data[65536 + i] = MIN(i / 256, 255 - i % 256);
    }
    guint8 *labels = g_malloc(65536);
    for (unsigned t = 0; t < G_N_ELEMENTS(thresholds); t++) {
        lm_mask_classify(mask, thresholds[t], labels);
        for (int i = 0; i < 65536; i++) {
            int a = mask->data[i], b = mask->data[65536 + i], best = MAX(a, b);
            double share = best ? (double)best / (best + 255 - a - b) : 0;
            int expected = b > a ? 2 : 1;
            if (fabs(share - thresholds[t]) < 1e-6) /* 0.6 is no sum of powers of two. */
                share = thresholds[t];
            if (labels[i] != (share > thresholds[t] ? expected : 0))
                ck_abort_msg("%d and %d at %g: class %d", a, b, thresholds[t], labels[i]);
        }
    }
    g_free(labels);
    lm_mask_unref(&mask);
}
END_TEST

/* Marks the component at (x, y) with `id`; returns the number of its pixels and the sum of their
 * bytes. */
static int flood(const LmMask *mask, const guint8 *labels, int *ids, int at, int id, double *sum)
{
    int *stack = g_new(int, mask->width * mask->height), n = 0, pixels = 0;
    stack[n++] = at;
    ids[at] = id;
    while (n > 0) {
        int i = stack[--n], x = i % mask->width, y = i / mask->width;
        pixels++;
        *sum += mask->data[(labels[i] - 1) * mask->width * mask->height + i];
        for (int dy = -1; dy <= 1; dy++)
            for (int dx = -1; dx <= 1; dx++) {
                int j = i + dy * mask->width + dx;
                if (x + dx < 0 || x + dx >= mask->width || y + dy < 0 || y + dy >= mask->height ||
                    labels[j] != labels[i] || ids[j])
                    continue;
                ids[j] = id;
                stack[n++] = j;
            }
    }
    g_free(stack);
    return pixels;
}

/* The smallest rectangle of the pixels that the overlay marks if only component `id` is kept. */
static LmRect marked_box(const LmMask *mask, const guint8 *labels, const int *ids, int id,
                         double threshold)
{
    const LmRect *r = &mask->region;
    const int size = mask->width * mask->height;
    guint8 *kept = g_malloc(size), *classes = g_malloc((gsize)r->width * r->height);
    for (int i = 0; i < size; i++)
        kept[i] = ids[i] == id ? labels[i] : 0;
    lm_resample_classes(mask, kept, threshold, *r, classes, r->width, NULL);
    int left = r->width, right = 0, top = r->height, bottom = 0;
    for (int i = 0; i < r->width * r->height; i++) {
        if (!classes[i])
            continue;
        left = MIN(left, i % r->width);
        right = MAX(right, i % r->width + 1);
        top = MIN(top, i / r->width);
        bottom = MAX(bottom, i / r->width + 1);
    }
    g_free(kept);
    g_free(classes);
    return (LmRect){r->x + left, r->y + top, right - left, bottom - top};
}

/* Checks each finding against its component, and the number of findings. */
static void check_components(const LmMask *mask, double threshold, double min_area, bool boxes)
{
    const int size = mask->width * mask->height;
    guint8 *labels = g_malloc(size);
    int *ids = g_new0(int, size), n = 0;
    LmFindings findings;
    lm_mask_classify(mask, threshold, labels);
    lm_findings_init(&findings, mask, &(LmFindingsParams){threshold, min_area});

    for (int i = 0; i < size; i++) {
        if (!labels[i] || ids[i])
            continue;
        double sum = 0;
        int id = i + 1, pixels = flood(mask, labels, ids, i, id, &sum);
        if (pixels / (double)size < min_area) {
            ck_assert_int_eq(findings.kept[i], 0);
            continue;
        }
        n++;
        ck_assert_int_eq(findings.kept[i], labels[i]);
        bool found = false;
        for (unsigned f = 0; f < findings.n && !found; f++) {
            const LmFinding *finding = &findings.items[f];
            if (finding->class_index != labels[i] || fabs(finding->area * size - pixels) > 1e-6 ||
                fabs(finding->confidence - sum / pixels / 255) > 1e-9)
                continue;
            found = true;
            if (!boxes)
                continue;
            LmRect box = marked_box(mask, labels, ids, id, threshold);
            if (box.width > 0) {
                found = memcmp(&box, &finding->box, sizeof box) == 0;
            } else {
                /* Too faint for any pixel of the frame: the box is the area that it covers. */
                box = lm_rect_clip(finding->box, mask->region);
                found = box.width > 0 && memcmp(&box, &finding->box, sizeof box) == 0;
            }
        }
        ck_assert_msg(found, "no finding is the component of %d pixels from %d, %d on", pixels,
                      i % mask->width, i / mask->width);
    }
    ck_assert_int_eq(findings.n, n);
    for (unsigned f = 0; f < findings.n; f++) {
        ck_assert_uint_eq(findings.items[f].id, f + 1);
        if (f > 0)
            ck_assert(findings.items[f].area <= findings.items[f - 1].area);
    }
    for (int i = 0; i < size; i++)
        if (findings.kept[i] != 0 && findings.kept[i] != labels[i])
            ck_abort_msg("kept %d of class %d", findings.kept[i], labels[i]);
    lm_findings_finish(&findings);
    ck_assert_ptr_null(findings.items);
    lm_findings_finish(&findings);
    g_free(labels);
    g_free(ids);
}

START_TEST(components_of_noise)
{
    const int sizes[][2] = {{1, 1}, {1, 40}, {40, 1}, {2, 2}, {37, 29}, {64, 48}};
    for (unsigned s = 0; s < G_N_ELEMENTS(sizes); s++)
        for (unsigned classes = 2; classes <= 5; classes++)
            for (int t = 1; t < 9; t++) {
                LmMask *mask = test_mask_new(sizes[s][0], sizes[s][1], classes, FRAME, 0, _i + s);
                check_components(mask, t / 10.0, 0, false);
                check_components(mask, t / 10.0, 0.01, false);
                lm_mask_unref(&mask);
            }
}
END_TEST

/* Regions larger than the mask, equal to it and smaller, anywhere. */
START_TEST(boxes_of_blobs)
{
    const LmRect regions[] = {
        {0, 0, 400, 300}, {37, 11, 201, 299}, {5, 9, 48, 40}, {1, 2, 333, 51}};
    for (unsigned r = 0; r < G_N_ELEMENTS(regions); r++)
        for (unsigned classes = 2; classes <= 4; classes++) {
            LmMask *mask = test_mask_new(48, 40, classes, regions[r], 4, 10 * _i + r);
            check_components(mask, 0.5, 0, true);
            check_components(mask, 0.2, 0.002, true);
            lm_mask_unref(&mask);
        }
}
END_TEST

/* A finding that lies between all pixels of a small region still has the box that it covers. */
START_TEST(box_between_pixels)
{
    LmMask *mask = lm_mask_new(352, 352, 2, (LmRect){10, 20, 32, 32});
    memset(mask->data, 0, 352 * 352);
    mask->data[10 * 352 + 11] = 255; /* Pixels lie at 5, 16, .. */
    LmFindings findings;
    lm_findings_init(&findings, mask, &(LmFindingsParams){0.5, 0});
    ck_assert_uint_eq(findings.n, 1);
    LmRect box = findings.items[0].box;
    ck_assert(box.x == 11 && box.y == 20 && box.width == 1 && box.height == 1);
    lm_findings_finish(&findings);
    lm_mask_unref(&mask);
}
END_TEST

START_TEST(extremes)
{
    LmMask *mask = test_mask_new(30, 20, 2, FRAME, 3, 5);
    LmFindings findings;
    lm_findings_init(&findings, mask, &(LmFindingsParams){1, 0});
    ck_assert_uint_eq(findings.n, 0);
    lm_findings_finish(&findings);
    memset(mask->data, 0, 30 * 20);
    lm_findings_init(&findings, mask, &(LmFindingsParams){0, 0});
    ck_assert_uint_eq(findings.n, 0);
    lm_findings_finish(&findings);
    memset(mask->data, 1, 30 * 20);
    lm_findings_init(&findings, mask, &(LmFindingsParams){0, 1});
    ck_assert_uint_eq(findings.n, 1);
    LmRect box = findings.items[0].box;
    ck_assert(memcmp(&box, &FRAME, sizeof box) == 0);
    ck_assert(findings.items[0].area == 1);
    ck_assert(fabs(findings.items[0].confidence - 1 / 255.0) < 1e-12);
    lm_findings_finish(&findings);
    lm_mask_unref(&mask);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("findings");
    TCase *tests = tcase_create("findings");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, references);
    tcase_add_test(tests, decision_rule);
    tcase_add_loop_test(tests, components_of_noise, 0, 3);
    tcase_add_loop_test(tests, boxes_of_blobs, 0, 3);
    tcase_add_test(tests, box_between_pixels);
    tcase_add_test(tests, extremes);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite, CK_FORK_GETENV) ? EXIT_FAILURE : EXIT_SUCCESS;
}
