# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the C library handles the large blocks that PyTorch asks it for."""
import ctypes


def keep():
    """Lets glibc keep large blocks for the next step: the kernel would clear each page anew, a third of a step's time."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return  # another C library
    mallopt(-4, 0)  # M_MMAP_MAX
    mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD
