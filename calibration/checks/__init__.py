"""What makes a calibration wrong although its pictures can be read: one kind of mistake a module."""
