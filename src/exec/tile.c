/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The one table of tile sizes for GPUs, and the choice among them.
 *
 * Large tiles fetch least; but a GPU has hundreds of places for workgroups, and a layer of few
 * pixels must not leave most of them empty. So the first row of a table is taken that gives enough
 * workgroups, else the last one. No row takes more than LM_TILED_INVOCATIONS or LM_TILED_SHARED. */
#include "exec/tile.h"

/* About as many as the largest GPUs of today have processors, as larger tiles on all of them beat
 * more of smaller ones; on smaller GPUs, a few times as many as they run at once. */
#define ENOUGH_WORKGROUPS 128

/* See shaders/include/conv_tiled.glsl. */
typedef struct {
    int columns, bands, rows, planes, slices;
} ConvTile;

static const ConvTile conv_tiles[] = {{32, 2, 4, 3, 1}, {16, 2, 4, 3, 2}, {16, 4, 2, 1, 4}};
/* A patch of stride 2 is four times as large. */
static const ConvTile conv_stride2_tiles[] = {{16, 4, 2, 3, 1}, {8, 4, 2, 2, 4}};

/* See shaders/include/linear_tiled.glsl. */
typedef struct {
    int columns, pixels, groups, slices, depth;
} LinearTile;

/* Which of linear.comp's constants that many pixels are. */
enum { LINEAR_PIXELS = 4 };

static const LinearTile linear_tiles[] = {{64, 2, 3, 1, 3}, {32, 2, 2, 4, 3}};

/* A workgroup gives a part of the mean. */
enum { DEPTHWISE_TILE_BANDS = 4, DEPTHWISE_TILE_ROWS = LM_PARTIAL_HEIGHT / 4 };

/* See shaders/include/global_attention_tiled.glsl. */
enum { ATTENTION_COLUMNS = 32, ATTENTION_SLICES = 8 };

/* Constant 0 is every shader's workgroup size; the tile's follow the shader's others. */
static void set_tile(LmDispatch *dispatch, int size, unsigned n, const int *values)
{
    g_assert(size <= LM_TILED_INVOCATIONS && dispatch->n_spec + n <= LM_MAX_SPEC);
    dispatch->spec[0] = (guint32)size;
    for (unsigned i = 0; i < n; i++)
        dispatch->spec[dispatch->n_spec++] = (guint32)values[i];
}

#define TILE(size, ...)                                                                            \
    set_tile(dispatch, size, sizeof((int[]){__VA_ARGS__}) / sizeof(int), (const int[]){__VA_ARGS__})

static void tile_conv(const LmOp *op, const LmTensor *y, LmPlanes planes, LmDispatch *dispatch)
{
    const ConvTile *tiles = op->stride == 2 ? conv_stride2_tiles : conv_tiles;
    unsigned n = op->stride == 2 ? G_N_ELEMENTS(conv_stride2_tiles) : G_N_ELEMENTS(conv_tiles);
    for (unsigned i = 0; i < n; i++) {
        const ConvTile *tile = &tiles[i];
        int x_tiles = lm_ceil_div(y->width, tile->columns),
            y_tiles = lm_ceil_div(y->height, tile->bands * tile->rows),
            z_tiles = lm_ceil_div(planes.n, tile->planes);
        if (i + 1 < n && x_tiles * y_tiles * z_tiles < ENOUGH_WORKGROUPS)
            continue;
        TILE(tile->columns * tile->bands * tile->planes * tile->slices, tile->columns, tile->bands,
             tile->rows, tile->planes, tile->slices);
        lm_dispatch_set_groups(dispatch, x_tiles, y_tiles, z_tiles);
        return;
    }
}

/* held: planes of input that must be there in one turn, or 0. */
static void tile_linear(int pixels, LmPlanes planes, int held, LmDispatch *dispatch)
{
    int groups = lm_ceil_div(planes.n, 2);
    for (unsigned i = 0; i < G_N_ELEMENTS(linear_tiles); i++) {
        LinearTile tile = linear_tiles[i];
        tile.groups = MIN(tile.groups, groups);
        int x_tiles = lm_ceil_div(pixels, tile.columns * tile.pixels),
            y_tiles = lm_ceil_div(groups, tile.groups);
        if (i + 1 < G_N_ELEMENTS(linear_tiles) && x_tiles * y_tiles < ENOUGH_WORKGROUPS)
            continue;
        if (held) {
            tile.slices = 1;
            tile.depth = held;
        }
        dispatch->spec[LINEAR_PIXELS] = (guint32)tile.pixels;
        TILE(tile.columns * tile.groups * tile.slices, tile.columns, tile.groups, tile.slices,
             tile.depth);
        lm_dispatch_set_groups(dispatch, x_tiles, y_tiles, 1);
        return;
    }
}

/* The largest power of two that is at most `most` and no more than `n`, at least 1. */
static int power_of_two(int n, int most)
{
    int power = 1;
    while (power * 2 <= MIN(n, most))
        power *= 2;
    return power;
}

void lm_tile_op(const LmGraph *graph, const LmOp *op, LmPlanes planes, LmDispatch *dispatch)
{
    const LmTensor *x = lm_graph_tensor(graph, op->input), *y = lm_graph_tensor(graph, op->output);
    const int pixels = y->height * y->width, size = LM_TILED_INVOCATIONS;
    int columns, sharers;

    switch (op->kind) {
    case LM_OP_CONV:
        tile_conv(op, y, planes, dispatch);
        break;
    case LM_OP_LINEAR:
        tile_linear(pixels, planes, op->normalise ? x->planes : 0, dispatch);
        if (op->squeeze_excite)
            dispatch->spec[dispatch->n_spec++] = true; /* SQUEEZE_EXCITE */
        break;
    case LM_OP_DEPTHWISE:
        columns = y->width > LM_PARTIAL_WIDTH / 2 ? LM_PARTIAL_WIDTH : LM_PARTIAL_WIDTH / 2;
        TILE(columns * DEPTHWISE_TILE_BANDS, columns, DEPTHWISE_TILE_BANDS, DEPTHWISE_TILE_ROWS,
             op->partial_sums != LM_NO_TENSOR);
        lm_dispatch_set_groups(dispatch, lm_ceil_div(y->width, columns),
                               lm_ceil_div(y->height, DEPTHWISE_TILE_BANDS * DEPTHWISE_TILE_ROWS),
                               planes.n);
        break;
    case LM_OP_SQUEEZE_EXCITE:
        dispatch->spec[0] = (guint32)size;
        break;
    case LM_OP_NORM:
        /* About three planes an invocation. */
        sharers = power_of_two(lm_ceil_div(y->planes, 3), 32);
        TILE(size, size / sharers, sharers);
        lm_dispatch_set_groups(dispatch, lm_ceil_div(pixels + 1, size / sharers), 1, 1);
        break;
    case LM_OP_GLOBAL_ATTENTION:
        TILE(ATTENTION_COLUMNS * ATTENTION_SLICES, ATTENTION_COLUMNS, ATTENTION_SLICES);
        dispatch->groups[0] = (guint32)lm_ceil_div(pixels + 1, ATTENTION_COLUMNS);
        break;
    case LM_OP_POOL:
        /* About eight texels an invocation. */
        sharers = power_of_two(x->height * x->width / pixels / 8, size);
        TILE(size, size / sharers, sharers);
        dispatch->groups[0] = (guint32)lm_ceil_div(pixels, size / sharers);
        break;
    default:
        break;
    }
}
