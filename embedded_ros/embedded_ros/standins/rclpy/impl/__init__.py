"""What rclpy keeps behind its public modules, as far as programs import it."""
