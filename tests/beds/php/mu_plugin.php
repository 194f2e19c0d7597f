<?php
/**
 * Plugin Name: Test bed
 * Description: Sends no mail, leaves empty titles empty, and closes REST while the option
 * bed_rest_status holds an HTTP status.
 */

declare(strict_types=1);

add_filter('pre_wp_mail', '__return_true');

add_action('after_setup_theme', static function (): void {
    // Twenty Twenty-One alone says "Untitled", in REST too.
    remove_filter('the_title', 'twenty_twenty_one_post_title');
});

add_filter('rest_authentication_errors', static function (mixed $result): mixed {
    $status = (int) get_option('bed_rest_status', 0);
    if ($status === 0 || is_wp_error($result)) {
        return $result;
    }
    return new WP_Error('rest_cannot_access', 'REST API отключён.', ['status' => $status]);
}, 200);

add_action('init', static function (): void {
    if (get_option('bed_rest_status', 0)) {
        // Plugins that close REST also stop announcing it.
        remove_action('wp_head', 'rest_output_link_wp_head');
        remove_action('template_redirect', 'rest_output_link_header', 11);
    }
});
