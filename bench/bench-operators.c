/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Times every case in the operator tests' list. */
#include "net/graph.h"
#include "operators.h"
#include "exec/executor.h"

enum { RUNS = 7, MAX_OPS = 2 };

/* The smallest of RUNS device times in ms, or a negative number with an error. */
static double time_case(LmPipelines *pipelines, const LmGraph *graph, LmWinogradUse winograd,
                        GError **error)
{
    LmCommands commands = {0};
    double best = -1;
    LmExecutor *executor =
        lm_executor_create(pipelines, graph, &(LmExecutorParams){.winograd = winograd}, error);
    if (executor &&
        lm_commands_init(&commands, lm_pipelines_device(pipelines), MAX_OPS + 1, "bench", error) &&
        lm_commands_begin(&commands, error)) {
        lm_executor_record(executor, &commands, true);
        bool ok = lm_commands_end(&commands, error);
        for (int i = -1; ok && i < RUNS; i++) {
            guint64 ns[MAX_OPS + 1] = {0};
            ok = lm_commands_submit(&commands, error) &&
                 lm_commands_wait(&commands, G_MAXUINT64, error);
            lm_commands_timestamps(&commands, ns, MAX_OPS + 1);
            double ms = (double)ns[graph->ops->len] / 1e6;
            if (ok && i >= 0)
                best = best < 0 ? ms : MIN(best, ms);
        }
    }
    lm_commands_finish(&commands);
    lm_executor_free(&executor);
    return best;
}

int main(void)
{
    GError *error = NULL;
    LmDevice *device = lm_device_create(NULL, &error);
    LmPipelines *pipelines = device ? lm_pipelines_create(device, NULL, &error) : NULL;
    for (unsigned i = 0; !error && i < lm_n_operator_cases; i++) {
        GRand *random = g_rand_new_with_seed(1);
        LmGraph *graph = lm_operator_case_graph(&lm_operator_cases[i], random);
        g_autofree char *name = lm_operator_case_name(&lm_operator_cases[i]);
        double macs = 0;
        for (guint k = 0; k < graph->ops->len; k++)
            macs += (double)lm_graph_op_macs(graph, lm_graph_op(graph, k));
        bool conv = lm_operator_cases[i].kind == LM_OP_CONV;
        /* A convolution by both algorithms, if there are two. */
        for (int winograd = 0; !error && winograd <= conv; winograd++) {
            double ms =
                time_case(pipelines, graph,
                          winograd ? LM_WINOGRAD_WHERE_POSSIBLE : LM_WINOGRAD_NEVER, &error);
            if (!error)
                g_print("%-60s %9.3f ms %8.1f GFLOP/s\n", winograd ? "  by Winograd" : name, ms,
                        ms > 0 ? 2 * macs / ms / 1e6 : 0);
        }
        lm_graph_free(&graph);
        g_rand_free(random);
    }
    lm_pipelines_free(&pipelines);
    lm_device_free(&device);
    if (error)
        g_printerr("bench-operators: %s\n", error->message);
    int status = error != NULL;
    g_clear_error(&error);
    return status;
}
