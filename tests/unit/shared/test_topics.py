from shared.topics import Topics


def test_the_topics_have_the_names_and_the_keeping_of_the_contract() -> None:
    topics = Topics()

    specs = {spec.name: spec.config for spec in topics.specs()}

    assert [topics.withholdings, topics.directives, topics.enforcements, topics.compliance, topics.checkpoints] == [
        "geowithhold.withholdings.v1",
        "geowithhold.directives.v1",
        "geowithhold.enforcements.v1",
        "geowithhold.compliance.v1",
        "geowithhold.checkpoints.v1",
    ]
    assert {name: config["cleanup.policy"] for name, config in specs.items()} == {
        topics.withholdings: "compact",
        topics.directives: "delete",
        topics.enforcements: "delete",
        topics.compliance: "delete",
        topics.checkpoints: "delete",
    }
    assert int(specs[topics.compliance]["retention.ms"]) == 365 * 24 * 60 * 60 * 1000
    assert int(specs[topics.withholdings]["min.compaction.lag.ms"]) >= 24 * 60 * 60 * 1000


def test_every_topic_has_the_same_partition_count() -> None:
    assert {(spec.partitions, spec.replication) for spec in Topics(partitions=9, replication=3).specs()} == {(9, 3)}
