/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Builds the planned graph from a model file's weights. */
#include "net/network.h"

#include "net/plan.h"

static const LmNetwork *const networks[] = {
    &lm_network_lmnet,
};

static bool check_size(const char *what, int value, GError **error)
{
    if (value >= 32 && value <= 1024 && value % 16 == 0)
        return true;
    g_set_error(error, LM_ERROR, LM_ERROR_ARGUMENT,
                "network input %s %d: expected a multiple of 16 from 32 to 1024", what, value);
    return false;
}

LmGraph *lm_network_build(LmWeights *weights, int width, int height, bool keep_all, GError **error)
{
    const LmModelInfo *info = lm_weights_info(weights);
    width = width ? width : (int)info->input_width;
    height = height ? height : (int)info->input_height;
    if (!check_size("width", width, error) || !check_size("height", height, error))
        return NULL;

    const LmNetwork *network = NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(networks) && !network; i++)
        if (networks[i]->matches(weights))
            network = networks[i];
    if (!network) {
        g_set_error(error, LM_ERROR, LM_ERROR_MODEL,
                    "%s: not a known network: %s has tensors '%s', which this file lacks",
                    lm_weights_path(weights), lm_network_lmnet.name,
                    "conv1.0.expand_conv.0.weight");
        return NULL;
    }

    LmGraph *graph = lm_graph_new(weights);
    network->build(graph, width, height);
    if (!lm_graph_plan(graph, keep_all, error) || !lm_weights_check_all_used(weights, error) ||
        !lm_weights_name_classes(weights, (unsigned)lm_graph_tensor(graph, graph->output)->channels,
                                 error)) {
        lm_graph_free(&graph);
        return NULL;
    }
    graph->weights = NULL; /* all values have been copied */
    return graph;
}
