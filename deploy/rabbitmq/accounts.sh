#!/bin/sh
# The accounts that RabbitMQ keeps itself; homes are not among them. Run it once, on one node, as the account that may
# use rabbitmqctl. Passwords come from the environment, and are not shown to other accounts of the machine:
#
#   INGEST_PASSWORD=… CONTROL_PASSWORD=… sh accounts.sh
set -eu
CTL="${RABBITMQCTL:-rabbitmqctl}"

# Ingest: reads homes, acknowledges, and has queues of its own. Its client ids begin with telecare-ingest.
printf '%s\n' "$INGEST_PASSWORD" | "$CTL" --quiet add_user ingest
"$CTL" --quiet set_permissions --vhost / ingest \
    '^mqtt-subscription-telecare-ingest' \
    '^(mqtt-subscription-telecare-ingest.*|amq\.topic)$' \
    '^(mqtt-subscription-telecare-ingest.*|amq\.topic)$'
"$CTL" --quiet set_topic_permissions --vhost / ingest amq.topic '^acks\.[A-Za-z0-9_-]+$' '^homes\.'

# `telecare home revoke` ends connections through the management interface.
printf '%s\n' "$CONTROL_PASSWORD" | "$CTL" --quiet add_user telecare-control
"$CTL" --quiet set_user_tags telecare-control administrator

# Everybody knows this one.
"$CTL" --quiet delete_user guest
