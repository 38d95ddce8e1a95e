/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The builds of the shaders that a device gets. Other tests check what executors compute: those of
 * operators and golden cases. */
#include <stdlib.h>

#include "gpu/pipeline.h"
#include "exec/executor.h"
#include "suite.h"

enum {
    FP16 = LM_VARIANT_FP16,
    LANES8 = LM_VARIANT_LANES8,
    TILED = LM_VARIANT_TILED,
    HALF = LM_VARIANT_HALF,
};

#define INTEGRATED LM_DEVICE_INTEGRATED
#define DISCRETE LM_DEVICE_DISCRETE
#define VIRTUAL LM_DEVICE_VIRTUAL
#define CPU LM_DEVICE_CPU

static const struct {
    LmDeviceType type;
    unsigned runs; /* the builds that the device can run; FP16: it has native half precision */
    LmExecutorParams params;
    unsigned variant;
} cases[] = {
    {INTEGRATED, FP16 | TILED, {.fp16 = true}, FP16 | TILED | HALF},
    {INTEGRATED, FP16 | TILED, {.fp16 = false}, TILED},
    {INTEGRATED, TILED, {.fp16 = true}, FP16 | TILED},
    {INTEGRATED, FP16, {.fp16 = true}, FP16},
    {INTEGRATED, FP16 | TILED, {.fp16 = true, .tiled = LM_TILED_SINGLE}, FP16 | TILED},
    {INTEGRATED, FP16 | TILED, {.fp16 = true, .portable = true}, FP16},
    {DISCRETE, FP16 | TILED, {.fp16 = true}, FP16 | TILED},
    {DISCRETE, FP16 | TILED, {.fp16 = true, .tiled = LM_TILED_HALF}, FP16 | TILED | HALF},
    {VIRTUAL, FP16 | TILED, {.fp16 = true}, FP16 | TILED},
    {CPU, FP16 | TILED | LANES8, {.fp16 = true}, FP16 | LANES8},
    {CPU, FP16 | TILED | LANES8, {.fp16 = false}, LANES8},
    {CPU, FP16 | TILED | LANES8, {.portable = true}, 0},
    {CPU, FP16 | TILED | LANES8, {.tiled = LM_TILED_SINGLE}, TILED},
    {CPU, FP16 | TILED | LANES8, {.tiled = LM_TILED_HALF}, TILED},
    {CPU, FP16 | TILED | LANES8, {.fp16 = true, .tiled = LM_TILED_HALF}, FP16 | TILED | HALF},
    {CPU, TILED | LANES8, {.fp16 = true, .tiled = LM_TILED_HALF}, FP16 | TILED},
    {CPU, 0, {.fp16 = true, .tiled = LM_TILED_HALF}, FP16},
};

START_TEST(builds_suit_the_device)
{
    const LmDeviceInfo device = {.type = cases[_i].type,
                                 .native_fp16 = cases[_i].runs & FP16,
                                 .tiled = cases[_i].runs & TILED,
                                 .lanes8 = cases[_i].runs & LANES8};
    ck_assert_uint_eq(lm_executor_variant(&device, &cases[_i].params), cases[_i].variant);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("executor");
    TCase *tcase = tcase_create("builds");
    tcase_add_loop_test(tcase, builds_suit_the_device, 0, (int)G_N_ELEMENTS(cases));
    suite_add_tcase(suite, tcase);
    return test_suite_run(suite, CK_FORK_GETENV) ? EXIT_FAILURE : EXIT_SUCCESS;
}
