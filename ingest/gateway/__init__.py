"""The HTTP door for devices and sensors."""
