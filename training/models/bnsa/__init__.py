"""BNSA Mask R-CNN (Wang & Ren, Symmetry 2025) on torchvision's detection parts."""
