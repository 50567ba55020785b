"""From a committed change to Kafka: the table that both services queue events in, and the relay that empties it."""
