"""The MQTT door for devices and sensors: acknowledged by hand, after Kafka or the spool has what came."""
