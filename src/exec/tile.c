/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The tables of tile sizes for GPUs, and the choice among them.
 *
 * Large tiles fetch least; but a GPU has hundreds of places for workgroups, and a layer of few
 * pixels must not leave most of them empty. So the choice is the first row of a table that gives
 * enough workgroups, else the last one. No row needs more than LM_TILED_INVOCATIONS or
 * LM_TILED_SHARED. */
#include "exec/tile.h"

/* Enough workgroups: about the number of processors of today's largest GPUs, since larger tiles on
 * all processors beat more workgroups of smaller ones. Smaller GPUs run a few batches of them. */
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

/* The index of linear.comp's constant PIXELS. */
enum { LINEAR_PIXELS = 4 };

static const LinearTile linear_tiles[] = {{64, 2, 3, 1, 3}, {32, 2, 2, 4, 3}};

/* A workgroup writes one partial mean. */
enum { DEPTHWISE_TILE_BANDS = 4, DEPTHWISE_TILE_ROWS = LM_PARTIAL_HEIGHT / 4 };

/* See shaders/include/global_attention_tiled.glsl. */
enum { ATTENTION_COLUMNS = 32, ATTENTION_SLICES = 8 };

/* Constant 0 is every shader's workgroup size; the tile's constants follow the shader's others. */
static void set_tile(LmDispatch *dispatch, int size, unsigned n, const int *values)
{
    g_assert(size <= LM_TILED_INVOCATIONS && dispatch->n_spec + n <= LM_MAX_SPEC);
    dispatch->spec[0] = (guint32)size;
    for (unsigned i = 0; i < n; i++)
        dispatch->spec[dispatch->n_spec++] = (guint32)values[i];
}

#define TILE(size, ...)                                                                            \
    set_tile(dispatch, size, sizeof((int[]){__VA_ARGS__}) / sizeof(int), (const int[]){__VA_ARGS__})

void lm_tile_conv(const LmKernel *kernel, LmPlanes planes, LmDispatch *dispatch)
{
    const LmTensor *y = kernel->y;
    const bool stride2 = kernel->op->stride == 2;
    const ConvTile *tiles = stride2 ? conv_stride2_tiles : conv_tiles;
    unsigned n = stride2 ? G_N_ELEMENTS(conv_stride2_tiles) : G_N_ELEMENTS(conv_tiles);
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

static void choose_linear_tile(const LmKernel *kernel, LmPlanes planes, LmDispatch *dispatch)
{
    const int pixels = kernel->y->height * kernel->y->width, groups = lm_ceil_div(planes.n, 2);
    for (unsigned i = 0; i < G_N_ELEMENTS(linear_tiles); i++) {
        LinearTile tile = linear_tiles[i];
        tile.groups = MIN(tile.groups, groups);
        int x_tiles = lm_ceil_div(pixels, tile.columns * tile.pixels),
            y_tiles = lm_ceil_div(groups, tile.groups);
        if (i + 1 < G_N_ELEMENTS(linear_tiles) && x_tiles * y_tiles < ENOUGH_WORKGROUPS)
            continue;
        if (kernel->op->normalise) { /* all inputs fit into one iteration */
            tile.slices = 1;
            tile.depth = kernel->x->planes;
        }
        dispatch->spec[LINEAR_PIXELS] = (guint32)tile.pixels;
        TILE(tile.columns * tile.groups * tile.slices, tile.columns, tile.groups, tile.slices,
             tile.depth);
        lm_dispatch_set_groups(dispatch, x_tiles, y_tiles, 1);
        return;
    }
}

void lm_tile_linear(const LmKernel *kernel, LmPlanes planes, LmDispatch *dispatch)
{
    choose_linear_tile(kernel, planes, dispatch);
    if (kernel->op->squeeze_excite)
        dispatch->spec[dispatch->n_spec++] = true; /* SQUEEZE_EXCITE */
}

void lm_tile_depthwise(const LmKernel *kernel, LmPlanes planes, LmDispatch *dispatch)
{
    const LmTensor *y = kernel->y;
    int columns = y->width > LM_PARTIAL_WIDTH / 2 ? LM_PARTIAL_WIDTH : LM_PARTIAL_WIDTH / 2;
    TILE(columns * DEPTHWISE_TILE_BANDS, columns, DEPTHWISE_TILE_BANDS, DEPTHWISE_TILE_ROWS,
         kernel->op->partial_sums != LM_NO_TENSOR);
    lm_dispatch_set_groups(dispatch, lm_ceil_div(y->width, columns),
                           lm_ceil_div(y->height, DEPTHWISE_TILE_BANDS * DEPTHWISE_TILE_ROWS),
                           planes.n);
}

void lm_tile_squeeze_excite(const LmKernel *kernel, LmPlanes planes, LmDispatch *dispatch)
{
    (void)kernel;
    (void)planes;
    dispatch->spec[0] = LM_TILED_INVOCATIONS;
}

/* The largest power of two that is at most `most` and no more than `n`, at least 1. */
static int power_of_two(int n, int most)
{
    int power = 1;
    while (power * 2 <= MIN(n, most))
        power *= 2;
    return power;
}

/* A workgroup of full size, `sharers` invocations for each of the output's texels. */
static void share(LmDispatch *dispatch, int texels, int sharers)
{
    const int size = LM_TILED_INVOCATIONS;
    TILE(size, size / sharers, sharers);
    dispatch->groups[0] = (guint32)lm_ceil_div(texels, size / sharers);
}

void lm_tile_norm(const LmKernel *kernel, LmPlanes planes, LmDispatch *dispatch)
{
    (void)planes;
    const LmTensor *y = kernel->y;
    /* About three planes an invocation. */
    share(dispatch, y->height * y->width + 1, power_of_two(lm_ceil_div(y->planes, 3), 32));
    dispatch->groups[1] = dispatch->groups[2] = 1;
}

void lm_tile_global_attention(const LmKernel *kernel, LmPlanes planes, LmDispatch *dispatch)
{
    (void)planes;
    const LmTensor *y = kernel->y;
    TILE(ATTENTION_COLUMNS * ATTENTION_SLICES, ATTENTION_COLUMNS, ATTENTION_SLICES);
    dispatch->groups[0] = (guint32)lm_ceil_div(y->height * y->width + 1, ATTENTION_COLUMNS);
}

void lm_tile_pool(const LmKernel *kernel, LmPlanes planes, LmDispatch *dispatch)
{
    (void)planes;
    const LmTensor *x = kernel->x, *y = kernel->y;
    const int pixels = y->height * y->width;
    /* About eight texels an invocation. */
    share(dispatch, pixels, power_of_two(x->height * x->width / pixels / 8, LM_TILED_INVOCATIONS));
}
