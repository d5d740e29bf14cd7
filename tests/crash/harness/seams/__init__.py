"""Where the harness takes hold of the product's processes. Nothing here is part of the product."""
