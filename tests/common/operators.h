/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One list of operator cases, for the tests and for the benchmark, and functions that build them.
 */
#pragma once

#include "net/graph.h"

typedef struct {
    LmOpKind kind;
    int in, out; /**< Channels; only `in` for operators that keep their number. Attention: heads *
                      dim. */
    int height, width; /**< Of the input. */
    int stride;        /**< CONV; POOL: side of a cell, */
    int cell_width;    /**< or its height, if this is its width. */
    int hidden;        /**< SQUEEZE_EXCITE: channels of the hidden layer. */
    LmActivation activation;
    bool add, channel_scale, rpb, normalise;
    int heads; /**< Attention. */
} LmOperatorCase;

extern const LmOperatorCase lm_operator_cases[];
extern const unsigned lm_n_operator_cases;

/** "conv 3x3/2 5->12 9x13 gelu +residual" */
char *lm_operator_case_name(const LmOperatorCase *c);

/** A graph of that one operator with random weights, planned with every tensor kept. A TAP_SUM
 * comes after the linear layer that gives its taps. */
LmGraph *lm_operator_case_graph(const LmOperatorCase *c, GRand *random);

/** Values for a tensor that comes from outside (x, residual, channel_scale), of the range that the
 * network has there. */
float *lm_operator_case_values(const LmTensor *tensor, GRand *random);
