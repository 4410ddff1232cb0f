"""The message types: a module is a ROS package and has its name, a class is a type and has its fields."""
