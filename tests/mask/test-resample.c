/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Masks resampled to a frame's pixels, against double precision. */
#include "mask/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mask/findings.h"
#include "masks.h"
#include "suite.h"

/* Bilinear with half-pixel centres, edges clamped, in double precision. */
static double resampled(const LmMask *mask, int c, int x, int y)
{
    const LmRect *r = &mask->region;
    double u = (x - r->x + 0.5) * mask->width / r->width - 0.5;
    double v = (y - r->y + 0.5) * mask->height / r->height - 0.5;
    u = CLAMP(u, 0, mask->width - 1);
    v = CLAMP(v, 0, mask->height - 1);
    int x0 = (int)u, y0 = (int)v, x1 = MIN(x0 + 1, mask->width - 1);
    int y1 = MIN(y0 + 1, mask->height - 1);
    const guint8 *p = mask->data + (gsize)(c - 1) * mask->width * mask->height;
    double above = p[y0 * mask->width + x0] * (1 - (u - x0)) + p[y0 * mask->width + x1] * (u - x0);
    double below = p[y1 * mask->width + x0] * (1 - (u - x0)) + p[y1 * mask->width + x1] * (u - x0);
    return above * (1 - (v - y0)) + below * (v - y0);
}

/* Probabilities and classes over a rectangle that extends beyond the region on all sides. */
START_TEST(resampling)
{
    const LmRect regions[] = {{10, 20, 200, 150}, {1, 2, 44, 36}, {7, 3, 31, 29}, {3, 50, 301, 20}};
    const LmRect region = regions[_i % 4];
    const unsigned n_classes = 2 + _i / 4;
    LmMask *mask = test_mask_new(44, 36, n_classes, region, _i % 3 ? 4 : 0, _i);
    LmFindings findings;
    lm_findings_init(&findings, mask, &(LmFindingsParams){0.4, 0});
    const LmRect rect = {region.x - 5, region.y - 2, region.width + 11, region.height + 5};
    const gsize stride = rect.width + 3;
    guint8 *out = g_malloc(stride * rect.height), *classes = g_malloc(stride * rect.height);
    memset(classes, 99, stride * rect.height);
    lm_resample_classes(mask, findings.kept, 0.4, rect, classes, stride, NULL);
    for (unsigned c = 1; c < n_classes; c++) {
        memset(out, 99, stride * rect.height);
        lm_resample_probabilities(mask, c, rect, out, stride, NULL);
        for (int y = 0; y < rect.height; y++) {
            for (int x = 0; x < (int)stride; x++) {
                int got = out[y * stride + x];
                bool inside = x >= 5 && x < 5 + region.width && y >= 2 && y < 2 + region.height;
                if (x >= rect.width)
                    require(got == 99, "%d, %d was written", x, y);
                else if (!inside)
                    require(got == 0, "%d at %d, %d", got, x, y);
                else
                    require(fabs(got - resampled(mask, c, rect.x + x, rect.y + y)) < 0.501,
                            "%d at %d, %d", got, x, y);
            }
        }
    }
    for (int y = 0; y < rect.height; y++) {
        for (int x = 0; x < (int)stride; x++) {
            int got = classes[y * stride + x], best = 0;
            bool inside = x >= 5 && x < 5 + region.width && y >= 2 && y < 2 + region.height;
            if (x >= rect.width || !inside) {
                require(got == (x >= rect.width ? 99 : 0), "%d at %d, %d", got, x, y);
                continue;
            }
            double p = 0, second = 0, sum = 0;
            for (unsigned c = 1; c < n_classes; c++) {
                double q = resampled(mask, c, rect.x + x, rect.y + y);
                sum += q;
                second = MAX(second, MIN(q, p));
                best = q > p ? (int)c : best;
                p = MAX(p, q);
            }
            double margin = p - 0.4 * (p + 255 - sum);
            /* A class that no pixel of the mask has cannot have been kept. With two classes this
             * cannot happen. */
            if (margin < -1e-3 || (margin > 1e-3 && p - second > 1e-3))
                require(got == (margin > 0 ? best : 0) || (n_classes > 2 && got == 0),
                        "class %d at %d, %d", got, x, y);
        }
    }
    g_free(out);
    g_free(classes);
    lm_findings_finish(&findings);
    lm_mask_unref(&mask);
}
END_TEST

START_TEST(identity)
{
    LmMask *mask = test_mask_new(44, 36, 3, (LmRect){5, 6, 44, 36}, 0, 3);
    guint8 out[44 * 36], labels[44 * 36];
    for (int c = 1; c < 3; c++) {
        lm_resample_probabilities(mask, c, mask->region, out, 44, NULL);
        ck_assert_mem_eq(out, mask->data + (c - 1) * 44 * 36, sizeof out);
    }
    for (double threshold = 0; threshold < 1; threshold += 0.2) {
        LmFindings findings;
        lm_findings_init(&findings, mask, &(LmFindingsParams){threshold, 0});
        lm_mask_classify(mask, threshold, labels);
        lm_resample_classes(mask, findings.kept, threshold, mask->region, out, 44, NULL);
        ck_assert_mem_eq(out, labels, sizeof out);
        lm_findings_finish(&findings);
    }
    lm_mask_unref(&mask);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resample");
    TCase *tests = tcase_create("resample");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, resampling, 0, 12);
    tcase_add_test(tests, identity);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite, CK_FORK_GETENV) ? EXIT_FAILURE : EXIT_SUCCESS;
}
