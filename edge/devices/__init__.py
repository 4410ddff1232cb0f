"""Serial devices of the rig: ports that may vanish, and what is known from them at any instant."""
