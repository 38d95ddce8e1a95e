/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The softmax and its filter over time, for logits that are not finite. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "gate.h"
#include "net/network.h"
#include "exec/executor-io.h"
#include "exec/slot.h"

static LmDevice *device;
static LmPipelines *pipelines;

typedef struct {
    LmWeights *weights;
    LmGraph *graph;
    LmExecutor *executor;
    gsize pixels;
    LmBuffer to, history, smoothing, readback;
    LmDescriptors descriptors;
    VkBufferView views[2];
    VkDescriptorSet set;
} Fixture;

static void open_fixture(Fixture *f, bool fp16)
{
    GError *error = NULL;
    *f = (Fixture){.weights = lm_weights_open(GOLDEN_DIR "/tiny.model.safetensors", &error)};
    lm_test_ok(f->weights != NULL, error);
    f->graph = lm_network_build(f->weights, 0, 0, true, &error);
    lm_test_ok(f->graph != NULL, error);
    f->executor =
        lm_executor_create(pipelines, f->graph, &(LmExecutorParams){.fp16 = fp16}, &error);
    lm_test_ok(f->executor != NULL, error);
    const LmTensor *logits = lm_graph_tensor(f->graph, f->graph->output);
    ck_assert_int_eq(logits->channels, 2);
    f->pixels = (gsize)logits->height * (gsize)logits->width;
    const VkFormat format = VK_FORMAT_R32G32B32A32_SFLOAT;
    lm_test_ok(
        lm_buffer_init(&f->to, device, LM_BUFFER_DEVICE, f->pixels, "mask", &error) &&
            lm_buffer_init(&f->history, device, LM_BUFFER_DEVICE, lm_slot_history_size(f->graph),
                           "history", &error) &&
            lm_buffer_init(&f->smoothing, device, LM_BUFFER_UPLOAD, 16, "smoothing", &error) &&
            lm_buffer_init(&f->readback, device, LM_BUFFER_READBACK, f->pixels, "read", &error),
        error);
    f->views[0] = lm_buffer_view(&f->history, format, 0, f->history.size, "history", &error);
    f->views[1] = lm_buffer_view(&f->smoothing, format, 0, 16, "smoothing", &error);
    lm_descriptors_init(&f->descriptors, pipelines);
    f->set = lm_executor_mask_set(f->executor, &f->descriptors,
                                  &(LmMaskBuffers){.to = &f->to,
                                                   .history = &f->history,
                                                   .history_view = f->views[0],
                                                   .smoothing = f->views[1]},
                                  &error);
    lm_test_ok(f->set != VK_NULL_HANDLE, error);
}

static void close_fixture(Fixture *f)
{
    lm_descriptors_finish(&f->descriptors);
    for (int i = 0; i < 2; i++)
        vkDestroyBufferView(device->handle, f->views[i], NULL);
    lm_buffer_finish(&f->to);
    lm_buffer_finish(&f->history);
    lm_buffer_finish(&f->smoothing);
    lm_buffer_finish(&f->readback);
    lm_executor_free(&f->executor);
    lm_graph_free(&f->graph);
    lm_weights_free(&f->weights);
}

/* Runs a frame of these logits with this weight of history; its mask is in `readback`. */
static const guint8 *run_mask(Fixture *f, const float *logits, float weight)
{
    GError *error = NULL;
    LmCommands commands = {0};
    *(float *)f->smoothing.map = weight;
    lm_test_ok(lm_buffer_flush(&f->smoothing, &error) &&
                   lm_executor_io_write(f->executor, f->graph->output, logits, &error) &&
                   lm_commands_init(&commands, device, 0, "mask", &error) &&
                   lm_commands_begin(&commands, &error),
               error);
    lm_commands_barrier(&commands);
    lm_executor_record_mask(f->executor, &commands, f->set);
    lm_commands_barrier(&commands);
    lm_commands_copy(&commands, &f->to, 0, &f->readback, 0, f->pixels);
    lm_commands_barrier_to_host(&commands);
    lm_test_ok(lm_commands_end(&commands, &error) && lm_commands_submit(&commands, &error) &&
                   lm_commands_wait(&commands, UINT64_MAX, &error) &&
                   lm_buffer_invalidate(&f->readback, &error),
               error);
    lm_commands_finish(&commands);
    return f->readback.map;
}

/* If a frame overflows the network's arithmetic, nothing is marked at those pixels, and the next
 * frames of its shot are not affected. */
START_TEST(not_a_number)
{
    static const float bad[][2] = {
        {NAN, 0}, {0, NAN}, {NAN, NAN}, {INFINITY, 0}, {INFINITY, INFINITY}, {-INFINITY, -INFINITY},
    };
    Fixture f;
    open_fixture(&f, _i);
    float *logits = g_new0(float, 2 * f.pixels);
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
        for (gsize c = 0; c < 2; c++)
            logits[c * f.pixels + 5 * i] = bad[i][c];
    const guint8 *mask = run_mask(&f, logits, -1);
    for (gsize i = 0; i < f.pixels; i++)
        if (i % 5 || i / 5 >= G_N_ELEMENTS(bad))
            ck_assert_msg(mask[i] == 128, "pixel %zu: %u", i, mask[i]);
        else
            ck_assert_msg(mask[i] == 0, "pixel %zu: %u", i, mask[i]);

    for (gsize i = 0; i < f.pixels; i++) {
        logits[i] = 0;
        logits[f.pixels + i] = 20;
    }
    for (int i = 0; i < 10; i++)
        mask = run_mask(&f, logits, 0.5F);
    for (gsize i = 0; i < f.pixels; i++)
        ck_assert_msg(mask[i] >= 254, "pixel %zu: %u", i, mask[i]);
    g_free(logits);
    close_fixture(&f);
}
END_TEST

int main(void)
{
    device = lm_test_device();
    pipelines = lm_test_pipelines(device);

    Suite *suite = suite_create("mask");
    TCase *tcase = tcase_create("mask");
    tcase_set_timeout(tcase, 100);
    tcase_add_loop_test(tcase, not_a_number, 0, 2);
    suite_add_tcase(suite, tcase);
    int status = lm_test_run(suite);
    lm_pipelines_free(&pipelines);
    lm_device_free(&device);
    return status;
}
