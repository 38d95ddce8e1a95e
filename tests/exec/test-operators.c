/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Every operator's shader, in every variant, against a plain loop in double precision. */
#include <math.h>
#include <stdlib.h>

#include "gate.h"
#include "operators.h"
#include "exec/executor-io.h"
#include "util/half.h"

static LmDevice *device;
static LmPipelines *pipelines;

/* The builds of the shaders. */
/* WINOGRAD: the device's build, with Winograd's algorithm for all convolutions that allow it. */
typedef enum { OWN, PORTABLE, TILED, TILED_HALF, WINOGRAD, N_BUILDS } Build;
static const char *const build_names[] = {"the device's own", "portable", "tiled", "tiled, half",
                                          "Winograd"};

typedef struct {
    const float *x, *residual, *channel_scale;
    const LmTensor *in, *out;
    const LmOp *op;      /* the last tensor */
    const float *weight; /* of the first tensor */
} Problem;

/* x of a channel at a position; 0 outside the plane. */
static double at(const Problem *p, int c, int y, int x)
{
    if (y < 0 || x < 0 || y >= p->in->height || x >= p->in->width)
        return 0;
    return p->x[((gsize)c * (gsize)p->in->height + (gsize)y) * (gsize)p->in->width + (gsize)x];
}

static double activate(double x, LmActivation activation)
{
    double relu6 = fmin(fmax(x + 3, 0), 6);
    switch (activation) {
    case LM_ACTIVATION_RELU:
        return fmax(x, 0);
    case LM_ACTIVATION_HARDSWISH:
        return x * relu6 / 6;
    case LM_ACTIVATION_HARDSIGMOID:
        return relu6 / 6;
    case LM_ACTIVATION_GELU:
        return 0.5 * x * (1 + erf(x / sqrt(2)));
    case LM_ACTIVATION_NONE:
        break;
    }
    return x;
}

static double mean(const Problem *p, int c, int top, int left, int height, int width)
{
    double sum = 0;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            sum += at(p, c, top + y, left + x);
    return sum / (height * width);
}

static double excite(const Problem *p, int c)
{
    int channels = p->in->channels;
    if (c >= channels)
        return 1;
    double sum = p->op->bias[c];
    for (int h = 0; h < p->op->hidden; h++) {
        double hidden = p->op->hidden_bias[h];
        for (int i = 0; i < channels; i++)
            hidden += (double)p->op->hidden_weight[h * channels + i] *
                      mean(p, i, 0, 0, p->in->height, p->in->width);
        sum += (double)p->op->weight[c * p->op->hidden + h] * fmax(hidden, 0);
    }
    return activate(sum, LM_ACTIVATION_HARDSIGMOID);
}

static double normalise(const Problem *p, int c, int y, int x)
{
    int n = p->in->channels;
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++)
        sum += at(p, i, y, x);
    for (int i = 0; i < n; i++)
        squares += pow(at(p, i, y, x) - sum / n, 2);
    return (at(p, c, y, x) - sum / n) / sqrt(squares / n + 1e-5);
}

/* The part after the product: activation and residual. */
static double finish(const Problem *p, int o, int y, int x, double sum)
{
    sum = activate(sum, p->op->activation);
    return p->residual ? sum + (double)p->residual[(o * p->out->height + y) * p->out->width + x]
                       : sum;
}

static double convolve(const Problem *p, int o, int y, int x)
{
    int kernel = p->op->kind == LM_OP_CONV ? 3 : p->op->kind == LM_OP_DEPTHWISE ? 5 : 1;
    bool depthwise = p->op->kind == LM_OP_DEPTHWISE;
    int inputs = depthwise ? 1 : p->in->channels;
    double sum = p->op->bias[o];
    for (int i = 0; i < inputs; i++)
        for (int ky = 0; ky < kernel; ky++)
            for (int kx = 0; kx < kernel; kx++)
                sum += (double)p->weight[((o * inputs + i) * kernel + ky) * kernel + kx] *
                       (p->channel_scale ? (double)p->channel_scale[i] : 1.0) *
                       (p->op->normalise
                            ? normalise(p, i, y, x)
                            : at(p, depthwise ? o : i, y * p->op->stride + ky - kernel / 2,
                                 x * p->op->stride + kx - kernel / 2));
    return finish(p, o, y, x, sum);
}

/* Over the keys of the window at (top, left), or of the whole plane. */
static double attend(const Problem *p, int c, int y, int x, int top, int left, int height,
                     int width)
{
    int dim = (int)p->op->heads.dim, channels = p->out->channels, head = c / dim;
    double largest = -INFINITY, total = 0, sum = 0;
    g_autofree double *logits = g_new(double, height *width);
    for (int k = 0; k < height * width; k++) {
        int ky = top + k / width, kx = left + k % width;
        logits[k] = 0;
        for (int i = 0; i < dim; i++)
            logits[k] += at(p, head * dim + i, y, x) * at(p, channels + head * dim + i, ky, kx);
        if (p->weight)
            logits[k] += (double)p->weight[(head * 5 + ky - y + 2) * 5 + kx - x + 2];
        largest = fmax(largest, logits[k]);
    }
    for (int k = 0; k < height * width; k++) {
        double e = exp(logits[k] - largest);
        total += e;
        sum += e * at(p, 2 * channels + c, top + k / width, left + k % width);
    }
    return sum / total;
}

static double upsample(const Problem *p, int c, int y, int x)
{
    double fy = (double)y * (p->in->height - 1) / (2 * p->in->height - 1);
    double fx = (double)x * (p->in->width - 1) / (2 * p->in->width - 1);
    int y0 = (int)fy, x0 = (int)fx;
    int y1 = MIN(y0 + 1, p->in->height - 1), x1 = MIN(x0 + 1, p->in->width - 1);
    fy -= y0;
    fx -= x0;
    return (1 - fy) * ((1 - fx) * at(p, c, y0, x0) + fx * at(p, c, y0, x1)) +
           fy * ((1 - fx) * at(p, c, y1, x0) + fx * at(p, c, y1, x1));
}

/* 3x3, on the upsampled input. */
static double convolve_upsampled(const Problem *p, int o, int y, int x)
{
    double sum = p->op->bias[o];
    for (int tap = 0; tap < 9; tap++) {
        int ty = y + tap / 3 - 1, tx = x + tap % 3 - 1;
        if (ty < 0 || tx < 0 || ty >= p->out->height || tx >= p->out->width)
            continue;
        for (int i = 0; i < p->in->channels; i++)
            sum += (double)p->weight[(o * 9 + tap) * p->in->channels + i] * upsample(p, i, ty, tx);
    }
    return finish(p, o, y, x, sum);
}

static double reference(const Problem *p, int c, int y, int x)
{
    int height = p->in->height, width = p->in->width;
    switch (p->op->kind) {
    case LM_OP_CONV:
    case LM_OP_LINEAR:
    case LM_OP_DEPTHWISE:
        return convolve(p, c, y, x);
    case LM_OP_SQUEEZE_EXCITE:
        return excite(p, c);
    case LM_OP_POOL:
        height /= p->out->height;
        width /= p->out->width;
        return mean(p, c, y * height, x * width, height, width);
    case LM_OP_NORM:
        return normalise(p, c, y, x);
    case LM_OP_NEIGHBOURHOOD_ATTENTION:
        return attend(p, c, y, x, CLAMP(y - 1, 0, height - 3), CLAMP(x - 1, 0, width - 3), 3, 3);
    case LM_OP_GLOBAL_ATTENTION:
        return attend(p, c, y, x, 0, 0, height, width);
    case LM_OP_TAP_SUM:
        return convolve_upsampled(p, c, y, x);
    case LM_N_OPS:
        break;
    }
    g_assert_not_reached();
}

/* Rounds the data to half precision, as the device stores them, so that only the arithmetic is
 * compared. */
static void round_to_half(float *values, gsize n)
{
    for (gsize i = 0; values && i < n; i++)
        values[i] = lm_half_to_float(lm_half_from_float(values[i]));
}

static gsize elements(const LmTensor *tensor)
{
    return (gsize)tensor->channels * (gsize)tensor->height * (gsize)tensor->width;
}

static gsize n_weights(const LmOp *op, const LmTensor *in, const LmTensor *out)
{
    gsize o = (gsize)out->channels, i = (gsize)in->channels;
    return op->kind == LM_OP_CONV             ? o * i * 9
           : op->kind == LM_OP_LINEAR         ? o * i
           : op->kind == LM_OP_DEPTHWISE      ? o * 25
           : op->kind == LM_OP_SQUEEZE_EXCITE ? i * (gsize)op->hidden
                                              : 0;
}

static float *external(LmExecutor *executor, const LmGraph *graph, LmTensorId id, bool fp16,
                       GRand *random)
{
    if (id == LM_NO_TENSOR)
        return NULL;
    GError *error = NULL;
    float *values = lm_operator_case_values(lm_graph_tensor(graph, id), random);
    if (fp16)
        round_to_half(values, elements(lm_graph_tensor(graph, id)));
    lm_test_ok(lm_executor_io_write(executor, id, values, &error), error);
    return values;
}

/* split: as on a device that can write to three planes at once. */
static void check_case(const LmOperatorCase *c, bool fp16, Build build, bool split)
{
    GError *error = NULL;
    g_autofree char *name = lm_operator_case_name(c);
    GRand *random = g_rand_new_with_seed(1);
    LmGraph *graph = lm_operator_case_graph(c, random);
    const LmOp *first = lm_graph_op(graph, 0), *op = lm_graph_op(graph, graph->ops->len - 1);
    const LmTensor *in = lm_graph_tensor(graph, graph->input),
                   *out = lm_graph_tensor(graph, graph->output);
    if (fp16) {
        const LmTensor *y = lm_graph_tensor(graph, first->output);
        round_to_half(first->weight, n_weights(first, in, y));
        round_to_half(first->hidden_weight, n_weights(first, in, y));
    }
    const LmExecutorParams params = {
        .fp16 = fp16,
        .portable = build == PORTABLE,
        .tiled = build == TILED        ? LM_TILED_SINGLE
                 : build == TILED_HALF ? LM_TILED_HALF
                                       : LM_TILED_WHERE_FASTER,
        .winograd = build == WINOGRAD ? LM_WINOGRAD_WHERE_POSSIBLE : LM_WINOGRAD_NEVER,
        .max_storage_range = split ? 3 * lm_tensor_plane_stride(out) * (fp16 ? 8 : 16) : 0,
    };
    LmExecutor *executor = lm_executor_create(pipelines, graph, &params, &error);
    lm_test_ok(executor != NULL, error);
    /* Planes dispatched together: groups of at most six planes, so many that the bias texels before
     * them stay aligned. */
    if (split && out->planes > MAX(6, 3 * (int)device->min_offset_alignment / 16) &&
        op->heads.dim <= 12 && op->kind != LM_OP_SQUEEZE_EXCITE)
        ck_assert_uint_gt(lm_executor_n_dispatches(executor), graph->ops->len);
    lm_test_ok(lm_executor_io_poison(executor, &error), error);
    g_autofree float *x = external(executor, graph, graph->input, fp16, random);
    g_autofree float *residual = external(executor, graph, op->residual, fp16, random);
    g_autofree float *channel_scale = external(executor, graph, op->channel_scale, fp16, random);
    lm_test_ok(lm_executor_io_run(executor, &error), error);
    g_autofree float *got = g_new(float, elements(out));
    /* Also checks the zero texels and padding channels. */
    lm_test_ok(lm_executor_io_read(executor, graph->output, got, &error), error);

    const Problem problem = {x, residual, channel_scale, in, out, op, first->weight};
    double worst = 0, largest = 0;
    for (int k = 0; k < out->channels; k++) {
        for (int i = 0; i < out->height * out->width; i++) {
            double want = reference(&problem, k, i / out->width, i % out->width);
            double difference = fabs(want - (double)got[k * out->height * out->width + i]);
            worst = difference <= worst ? worst : difference; /* a NaN wins */
            largest = fmax(largest, fabs(want));
        }
    }
    /* A sum of twelve products in half precision has a larger error than half-precision storage. */
    double bound = build == TILED_HALF ? 2e-3 : fp16 ? 1e-3 : build == WINOGRAD ? 1e-5 : 4e-6;
    ck_assert_msg(worst <= bound * fmax(largest, 1), "%s, %s, %s: off by %g, largest %g", name,
                  fp16 ? "fp16" : "fp32", build_names[build], worst, largest);
    lm_executor_free(&executor);
    lm_graph_free(&graph);
    g_rand_free(random);
}

/* _i is variant * number of cases + case. */
START_TEST(test_case)
{
    unsigned variant = (unsigned)_i / lm_n_operator_cases;
    const LmOperatorCase *c = &lm_operator_cases[(unsigned)_i % lm_n_operator_cases];
    Build build = variant / 2;
    if ((build == WINOGRAD && (c->kind != LM_OP_CONV || variant % 2)) ||
        (build == TILED_HALF && variant % 2 == 0))
        return; /* not available */
    check_case(c, variant % 2, build, false);
}
END_TEST

START_TEST(test_split_case)
{
    static const Build builds[] = {OWN, TILED, WINOGRAD};
    unsigned variant = (unsigned)_i / lm_n_operator_cases, i = (unsigned)_i % lm_n_operator_cases;
    check_case(&lm_operator_cases[i], i % 2, builds[variant], true);
}
END_TEST

/* As on a device with the coarsest alignment that Vulkan allows. */
START_TEST(test_split_aligned_case)
{
    VkDeviceSize alignment = device->min_offset_alignment;
    device->min_offset_alignment = 256;
    check_case(&lm_operator_cases[_i], _i % 2, WINOGRAD, true);
    device->min_offset_alignment = alignment;
}
END_TEST

/* A kind without a case would not be tested in any build. */
START_TEST(every_kind_has_a_case)
{
    for (unsigned i = 0; i < lm_n_operator_cases; i++)
        if (lm_operator_cases[i].kind == (LmOpKind)_i)
            return;
    ck_abort_msg("tests/common/operators.c has no case of \"%s\"", lm_op_kind_name((LmOpKind)_i));
}
END_TEST

int main(void)
{
    device = lm_test_device();
    pipelines = lm_test_pipelines(device);
    Suite *suite = suite_create("operators");
    TCase *tcase = tcase_create("cases");
    tcase_set_timeout(tcase, 600);
    tcase_add_loop_test(tcase, every_kind_has_a_case, 0, LM_N_OPS);
    tcase_add_loop_test(tcase, test_case, 0, 2 * N_BUILDS * (int)lm_n_operator_cases);
    tcase_add_loop_test(tcase, test_split_case, 0, 3 * (int)lm_n_operator_cases);
    tcase_add_loop_test(tcase, test_split_aligned_case, 0, (int)lm_n_operator_cases);
    suite_add_tcase(suite, tcase);
    int status = lm_test_run(suite);
    lm_pipelines_free(&pipelines);
    lm_device_free(&device);
    return status;
}
