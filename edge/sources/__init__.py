"""Where frames come from: folders of pictures, videos, the simulated rig, and later cameras."""
