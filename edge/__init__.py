"""Everything that runs on the robot: cameras, pairing, AGC, engines, the pipeline, sinks, the simulated rig.

Never imports torch; heavy and optional parts are imported where they are used.
"""
