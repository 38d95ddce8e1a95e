/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Registers enumerations and flags with GObject. */
#pragma once

#include <glib-object.h>

/** Defines function(), which returns the GType of an enumeration, and registers it on the first
 * call. The values are GEnumValue initialisers. May stand after `static`, and
 * takes a semicolon. */
#define GST_LM_DEFINE_ENUM(function, name, ...)                                                    \
    GST_LM_DEFINE_VALUES(function, name, GEnumValue, g_enum_register_static, __VA_ARGS__)

/** The same for flags, by GFlagsValue initialisers. */
#define GST_LM_DEFINE_FLAGS(function, name, ...)                                                   \
    GST_LM_DEFINE_VALUES(function, name, GFlagsValue, g_flags_register_static, __VA_ARGS__)

#define GST_LM_DEFINE_VALUES(function, name, Value, register_static, ...)                          \
    GType function(void)                                                                           \
    {                                                                                              \
        static gsize type = 0;                                                                     \
        static const Value values[] = {__VA_ARGS__, {0, NULL, NULL}};                              \
        if (g_once_init_enter(&type))                                                              \
            g_once_init_leave(&type, register_static(name, values));                               \
        return type;                                                                               \
    }                                                                                              \
    GType function(void) /* The declaration takes the semicolon. */
