/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Makes and frees a session's resources on its device. */
#include "session/resources.h"

#include "session/orphans.h"

/* Keeps the client. */
static void drop_layout(LmResources *resources)
{
    for (unsigned i = 0; i < LM_STATE_MAX_SLOTS; i++)
        if (resources->slots[i].views)
            lm_slot_finish(&resources->slots[i]);
    lm_preprocess_free(&resources->preprocess);
    lm_buffer_finish(&resources->history);
    resources->has_history = false;
}

bool lm_resources_set_layout(LmResources *resources, const LmEngine *engine, const LmLayout *layout,
                             unsigned n, GError **error)
{
    const LmModelInfo *model = lm_weights_info(engine->weights);
    const LmTensor *input = lm_graph_tensor(engine->graph, engine->graph->input);
    const LmEngineClient *client = resources->client;
    LmPreprocessParams params = {
        .frame = layout->frame,
        .region = layout->region,
        .width = input->width,
        .height = input->height,
        .bgr = model->bgr,
        .fp16 = engine->precision == LM_PRECISION_FP16,
    };
    for (int i = 0; i < 3; i++) {
        params.mean[i] = model->mean[i];
        params.std[i] = model->std[i];
    }

    drop_layout(resources);
    if (!(resources->preprocess = lm_preprocess_create(client->pipelines, &params, error)) ||
        !lm_buffer_init(&resources->history, lm_pipelines_device(client->pipelines),
                        LM_BUFFER_DEVICE, lm_slot_history_size(engine->graph), "history", error))
        return false;
    for (unsigned i = 0; i < n; i++)
        if (!lm_slot_init(&resources->slots[i], client->pipelines, client->executor, engine->graph,
                          resources->preprocess, &resources->history, error))
            return false;
    lm_pipelines_save(client->pipelines);
    return true;
}

bool lm_resources_upload(LmResources *resources, unsigned slot, const LmFrame *frame,
                         GError **error)
{
    return lm_slot_upload(&resources->slots[slot], resources->preprocess, frame, error);
}

/* The weight of history as lm_slot_submit() takes it. Frames go to the device one after another, so
 * this one's history is what the last one left there. */
static float weigh_history(LmResources *resources, double smoothing, guint64 shot)
{
    const bool smooth = smoothing > 0;
    const bool has_history = resources->has_history && resources->history_shot == shot;
    resources->has_history = smooth;
    resources->history_shot = shot;
    return !smooth ? 0 : has_history ? (float)smoothing : -1;
}

bool lm_resources_submit(LmResources *resources, unsigned slot, double smoothing, guint64 shot,
                         GError **error)
{
    return lm_slot_submit(&resources->slots[slot], weigh_history(resources, smoothing, shot),
                          error);
}

static void give_back(LmResources *resources)
{
    drop_layout(resources);
    lm_engine_client_free(&resources->client);
}

static void *give_back_some_time(void *data)
{
    give_back(data);
    g_free(data);
    lm_orphans_leave();
    return NULL;
}

void lm_resources_give_back(LmResources *resources, bool hangs, const char *device)
{
    if (hangs) {
        LmResources *left = g_memdup2(resources, sizeof *resources);
        if (!lm_orphans_start(give_back_some_time, left))
            g_warning("no thread to wait for %s, which hangs: its memory is lost", device);
    } else {
        give_back(resources);
    }
    *resources = (LmResources){0};
}
