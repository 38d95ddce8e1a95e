/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The error domain's quark. */
#include "util/error.h"

G_DEFINE_QUARK(lm_error_quark, lm_error)
