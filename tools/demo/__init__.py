"""The 2021 incident, replayed over real HTTP, through a real Kafka-protocol broker, to real consumers."""
