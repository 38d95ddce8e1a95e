# SPDX-License-Identifier: LGPL-2.1-or-later
"""What train.py, convert.py, evaluate.py and soup.py share."""
import os
import sys

# The network itself, and safetensors files, are those of the reference.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "reference"))
