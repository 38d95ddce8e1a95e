/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Connected findings of a mask: labelled by union-find in one pass, with boxes around what will be
 * drawn. */
#include "mask/findings.h"

#include <math.h>

#include "mask/classify.h"
#include "mask/resample.h"
#include "util/numeric.h"

/* A set of connected pixels; of joined sets, the one with the lowest number holds the sums. */
typedef struct {
    guint32 parent;
    guint32 pixels;
    guint64 sum;                  /* Of the class's probabilities, as bytes. */
    int left, top, right, bottom; /* Inclusive. */
    guint8 class_index;
    bool kept;
} Component;

/* Component 0 is background. `map` holds the number of each pixel's component. */
typedef struct {
    const LmMask *mask;
    guint8 *labels;
    guint32 *map;
    GArray *components;
} Labelling;

static Component *component(const Labelling *l, guint32 i)
{
    return &g_array_index(l->components, Component, i);
}

static guint32 root(const Labelling *l, guint32 i)
{
    while (component(l, i)->parent != i)
        i = component(l, i)->parent = component(l, component(l, i)->parent)->parent;
    return i;
}

static guint32 join(const Labelling *l, guint32 a, guint32 b)
{
    a = root(l, a);
    b = root(l, b);
    component(l, MAX(a, b))->parent = MIN(a, b);
    return MIN(a, b);
}

/* The component of pixel (x, y): that of the neighbours of its class among the four visited before,
 * or a new one. */
static guint32 place(const Labelling *l, int x, int y)
{
    const int width = l->mask->width;
    const guint8 *label = l->labels + (gsize)y * width + x;
    const guint32 *at = l->map + (gsize)y * width + x;
    guint32 found = 0;
    if (x > 0 && label[-1] == *label)
        found = at[-1];
    for (int dx = -1; y > 0 && dx <= 1; dx++) {
        if (x + dx < 0 || x + dx >= width || label[dx - width] != *label)
            continue;
        found = found ? join(l, found, at[dx - width]) : at[dx - width];
    }
    if (!found) {
        found = l->components->len;
        Component fresh = {
            .parent = found, .left = x, .right = x, .top = y, .bottom = y, .class_index = *label};
        g_array_append_val(l->components, fresh);
    }
    return found;
}

static void label(Labelling *l)
{
    const gsize size = (gsize)l->mask->width * l->mask->height;
    for (int y = 0; y < l->mask->height; y++) {
        for (int x = 0; x < l->mask->width; x++) {
            gsize i = (gsize)y * l->mask->width + x;
            l->map[i] = 0;
            if (!l->labels[i])
                continue;
            l->map[i] = place(l, x, y);
            Component *c = component(l, l->map[i]);
            c->pixels++;
            c->sum += l->mask->data[(c->class_index - 1) * size + i];
            c->left = MIN(c->left, x);
            c->right = MAX(c->right, x);
            c->bottom = y;
        }
    }
    /* Parents come before their children, so one pass in falling order sums up each tree. */
    for (guint32 i = l->components->len; i-- > 1;) {
        Component *c = component(l, i), *p = component(l, c->parent);
        if (c == p)
            continue;
        p->pixels += c->pixels;
        p->sum += c->sum;
        p->left = MIN(p->left, c->left);
        p->right = MAX(p->right, c->right);
        p->top = MIN(p->top, c->top);
        p->bottom = MAX(p->bottom, c->bottom);
    }
}

/* For each column and row of the region, its place in the mask. */
typedef struct {
    const Labelling *l;
    float limit;
    LmInterpolation *columns, *rows;
} Boxing;

/* Returns true if pixel (x, y) of the region is marked for component `id`, by the rule of
 * lm_resampler_classes().
 */
static bool is_marked(const Boxing *b, guint32 id, int x, int y)
{
    const LmMask *mask = b->l->mask;
    const LmInterpolation *h = &b->columns[x], *v = &b->rows[y];
    const gsize size = (gsize)mask->width * mask->height;
    const gsize at[4] = {
        (gsize)v->first * mask->width + h->first, (gsize)v->first * mask->width + h->second,
        (gsize)v->second * mask->width + h->first, (gsize)v->second * mask->width + h->second};
    bool touches = false;
    for (int i = 0; i < 4; i++)
        touches |= root(b->l, b->l->map[at[i]]) == id;
    if (!touches)
        return false;
    LmLikeliest likeliest = {0};
    for (unsigned c = 1; c < mask->n_classes; c++) {
        const guint8 *plane = mask->data + (c - 1) * size;
        lm_likeliest_add(&likeliest, c,
                         lm_lerp(lm_lerp(plane[at[0]], plane[at[1]], h->fraction),
                                 lm_lerp(plane[at[2]], plane[at[3]], h->fraction), v->fraction));
    }
    return lm_likeliest_class(&likeliest, b->limit) == component(b->l, id)->class_index;
}

static bool row_is_marked(const Boxing *b, guint32 id, int y, int left, int right)
{
    for (int x = left; x < right; x++)
        if (is_marked(b, id, x, y))
            return true;
    return false;
}

static bool column_is_marked(const Boxing *b, guint32 id, int x, int top, int bottom)
{
    for (int y = top; y < bottom; y++)
        if (is_marked(b, id, x, y))
            return true;
    return false;
}

/* Pixels of `n_out` that first..last of `n_in` affect by resampling: half a pixel of the mask
 * beyond their own area. */
static void reach(int first, int last, int n_in, int n_out, int *begin, int *end)
{
    double scale = (double)n_out / n_in;
    *begin = MAX(0, (int)floor((first - 0.5) * scale - 1));
    *end = MIN(n_out, (int)ceil((last + 1.5) * scale + 1));
}

/* The smallest box of all pixels marked for component `id`. If the region is smaller than the mask
 * there may be none; then the box is the area that the component covers. */
static LmRect box(const Boxing *b, guint32 id)
{
    const Component *c = component(b->l, id);
    const LmMask *mask = b->l->mask;
    const LmRect *region = &mask->region;
    int left, right, top, bottom;
    reach(c->left, c->right, mask->width, region->width, &left, &right);
    reach(c->top, c->bottom, mask->height, region->height, &top, &bottom);
    while (top < bottom && !row_is_marked(b, id, top, left, right))
        top++;
    if (top == bottom) {
        left = (gint64)c->left * region->width / mask->width;
        right = lm_ceil_div((c->right + 1) * region->width, mask->width);
        top = (gint64)c->top * region->height / mask->height;
        bottom = lm_ceil_div((c->bottom + 1) * region->height, mask->height);
    } else {
        while (!row_is_marked(b, id, bottom - 1, left, right))
            bottom--;
        while (!column_is_marked(b, id, left, top, bottom))
            left++;
        while (!column_is_marked(b, id, right - 1, top, bottom))
            right--;
    }
    return (LmRect){region->x + left, region->y + top, right - left, bottom - top};
}

/* By falling area; equal ones in order of their number. */
static int compare(const void *a, const void *b, void *user)
{
    const guint32 i = *(const guint32 *)a, j = *(const guint32 *)b;
    const Component *first = component(user, i), *second = component(user, j);
    if (first->pixels != second->pixels)
        return first->pixels > second->pixels ? -1 : 1;
    return i < j ? -1 : i > j;
}

static void keep(LmFindings *findings, Labelling *l, const LmFindingsParams *params)
{
    const LmMask *mask = l->mask;
    const double size = (double)mask->width * mask->height;
    GArray *roots = g_array_new(FALSE, FALSE, sizeof(guint32));
    for (guint32 i = 1; i < l->components->len; i++)
        if (component(l, i)->parent == i && component(l, i)->pixels / size >= params->min_area)
            g_array_append_val(roots, i);
    g_array_sort_with_data(roots, compare, l);

    Boxing b = {.l = l, .limit = lm_classify_limit(params->threshold)};
    b.columns = g_new(LmInterpolation, mask->region.width);
    b.rows = g_new(LmInterpolation, mask->region.height);
    for (int x = 0; x < mask->region.width; x++)
        b.columns[x] = lm_interpolation(x, mask->region.width, mask->width);
    for (int y = 0; y < mask->region.height; y++)
        b.rows[y] = lm_interpolation(y, mask->region.height, mask->height);

    findings->n = roots->len;
    findings->items = g_new(LmFinding, roots->len);
    for (unsigned i = 0; i < roots->len; i++) {
        guint32 id = g_array_index(roots, guint32, i);
        Component *c = component(l, id);
        c->kept = true;
        findings->items[i] = (LmFinding){.id = i + 1,
                                         .class_index = c->class_index,
                                         .box = box(&b, id),
                                         .area = c->pixels / size,
                                         .confidence = c->sum / (255.0 * c->pixels)};
    }
    g_free(b.columns);
    g_free(b.rows);
    g_array_free(roots, TRUE);
}

void lm_findings_init(LmFindings *findings, const LmMask *mask, const LmFindingsParams *params)
{
    const gsize size = (gsize)mask->width * mask->height;
    Labelling l = {.mask = mask};
    l.labels = g_malloc(size);
    l.map = g_new(guint32, size);
    l.components = g_array_new(FALSE, TRUE, sizeof(Component));
    g_array_set_size(l.components, 1);
    lm_mask_classify(mask, params->threshold, l.labels);
    label(&l);
    keep(findings, &l, params);
    for (gsize i = 0; i < size; i++)
        if (!component(&l, root(&l, l.map[i]))->kept)
            l.labels[i] = 0;
    findings->kept = l.labels;
    g_free(l.map);
    g_array_free(l.components, TRUE);
}

void lm_findings_finish(LmFindings *findings)
{
    g_free(findings->items);
    g_free(findings->kept);
    *findings = (LmFindings){0};
}
