"""What every chat platform needs: attachments, deliveries, posted messages, retries."""
