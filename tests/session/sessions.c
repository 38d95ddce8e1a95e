/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The golden image, and helpers to submit frames and take masks. */
#include "sessions.h"

#include <math.h>
#include <string.h>

#include "gate.h"
#include "model/safetensors.h"

#define IO GOLDEN_DIR "/tiny.io.safetensors"

static guint8 pixels[TEST_WIDTH * TEST_HEIGHT * 3];
static double expected[TEST_WIDTH * TEST_HEIGHT]; /* 255 p */

const LmRect test_whole = {0, 0, TEST_WIDTH, TEST_HEIGHT};

static float element(const LmTensorView *tensor, gsize index)
{
    float value;
    memcpy(&value, tensor->data + index * 4, 4);
    return value;
}

/* The golden input as an RGB image, and the probabilities of its golden logits. */
static void load_golden(void)
{
    static const double mean[] = {0.485, 0.456, 0.406}, std[] = {0.229, 0.224, 0.225};
    const gsize size = TEST_WIDTH * TEST_HEIGHT;
    GError *error = NULL;
    LmSafetensors *io = lm_safetensors_open(IO, &error);
    if (!io)
        g_error("%s", error->message);
    const LmTensorView *input = lm_safetensors_find(io, "input"),
                       *logits = lm_safetensors_find(io, "logits");
    g_assert(input->n_elements == G_N_ELEMENTS(pixels) && logits->n_elements == 2 * size);
    for (gsize i = 0; i < size; i++) {
        for (gsize c = 0; c < 3; c++)
            pixels[i * 3 + c] =
                (guint8)lround((element(input, c * size + i) * std[c] + mean[c]) * 255);
        expected[i] = 255 / (1 + exp((double)element(logits, i) - element(logits, size + i)));
    }
    lm_safetensors_free(&io);
}

void test_sessions_init(void)
{
    LmDevice *device = lm_test_device();
    lm_device_free(&device);
    load_golden();
}

LmFrame test_golden_frame(void)
{
    return (LmFrame){.info = {LM_FORMAT_RGB, TEST_WIDTH, TEST_HEIGHT, 0, 0, true},
                     .data = {pixels},
                     .stride = {TEST_WIDTH * 3}};
}

double test_worst_difference(const LmMask *mask)
{
    double worst = 0;
    for (gsize i = 0; i < TEST_WIDTH * TEST_HEIGHT; i++)
        worst = fmax(worst, fabs(mask->data[i] - expected[i]));
    return worst;
}

LmSession *test_open_session(const LmSessionParams *params)
{
    GError *error = NULL;
    LmSessionParams own = *params;
    own.model = TEST_MODEL;
    own.device = g_getenv("LMNET_TEST_DEVICE");
    own.cache_dir = "";
    LmSession *session = lm_session_new(&own, &error);
    lm_test_ok(session != NULL, error);
    lm_session_start(session);
    return session;
}

void test_await_state(LmSession *session, LmSessionState state)
{
    for (int i = 0; lm_session_state(session) != state && i < 12000; i++)
        g_usleep(10000);
    GError *error = lm_session_error(session);
    ck_assert_msg(lm_session_state(session) == state, "state %d, not %d: %s",
                  lm_session_state(session), state, error ? error->message : "no error");
    g_clear_error(&error);
}

guint64 test_submit(LmSession *session, const LmFrame *frame, LmRect region, GQueue *results)
{
    guint64 ticket = 0;
    GError *error = NULL;
    while (!lm_session_submit(session, frame, region, NULL, &ticket, &error)) {
        lm_test_ok(error == NULL, error);
        LmResult *result = g_new0(LmResult, 1);
        if (lm_session_wait_result(session, result))
            g_queue_push_tail(results, result);
        else {
            g_free(result);
            ck_assert(lm_session_wait_ready(session));
        }
    }
    return ticket;
}

void test_drain(LmSession *session, GQueue *results)
{
    LmResult result;
    while (lm_session_wait_result(session, &result))
        g_queue_push_tail(results, g_memdup2(&result, sizeof result));
}

void test_free_result(gpointer result)
{
    lm_result_clear(result);
    g_free(result);
}

void test_answers(LmSession *session)
{
    LmFrame frame = test_golden_frame();
    LmResult result;
    GError *error = NULL;
    lm_test_ok(lm_session_segment(session, &frame, test_whole, &result, &error), error);
    /* Half a level of rounding, and a little more if 255 p is near a rounding boundary. */
    double bound = lm_session_precision(session) == LM_PRECISION_FP16 ? 5 : 0.51;
    ck_assert_double_le(test_worst_difference(result.mask), bound);
    lm_result_clear(&result);
}
