<?php
/** Run one operation on the site. Input: {"operation", ...}; output: what it returns, or null. */

declare(strict_types=1);

require __DIR__ . '/wp.php';

/** Update a post as the editor's screen does: post_modified becomes now. @param array<string, mixed> $fields */
function bed_update(int $id, array $fields): void
{
    bed_done(wp_update_post(wp_slash(['ID' => $id] + $fields), true));
}

/** @param array<string, mixed> $in */
function bed_insert(array $in): int
{
    $fields = [
        'post_title' => $in['title'],
        'post_content' => $in['content'],
        'post_status' => $in['status'],
        'post_password' => $in['password'],
        'post_name' => $in['slug'] ?? '',
        'post_author' => 1,
    ];
    if (isset($in['date'])) {
        $fields['post_date'] = $in['date'];
    }
    $id = bed_done(wp_insert_post(wp_slash($fields), true));
    if ($in['categories']) {
        wp_set_post_categories($id, bed_terms($in['categories'], 'category'));
    }
    wp_set_post_terms($id, bed_terms($in['tags'], 'post_tag'), 'post_tag');
    return $id;
}

/** Let a scheduled post's hour come: cron publishes it and leaves post_modified as it was. */
function bed_publish_scheduled(int $id): void
{
    global $wpdb;
    if (get_post_status($id) !== 'future') {
        throw new RuntimeException("post $id is not scheduled");
    }
    $before = get_post($id)->post_modified_gmt;
    $now = time();
    $dates = ['post_date' => wp_date('Y-m-d H:i:s', $now), 'post_date_gmt' => gmdate('Y-m-d H:i:s', $now)];
    $wpdb->update($wpdb->posts, $dates, ['ID' => $id]);
    clean_post_cache($id);
    check_and_publish_future_post($id);
    clean_post_cache($id);
    $post = get_post($id);
    if ($post->post_status !== 'publish' || $post->post_modified_gmt !== $before) {
        throw new RuntimeException("post $id is $post->post_status, modified $post->post_modified_gmt");
    }
}

/** @return list<string> Plain names of a post's terms, sorted. */
function bed_names(int $id, string $taxonomy): array
{
    $names = wp_get_post_terms($id, $taxonomy, ['fields' => 'names', 'orderby' => 'name']);
    return array_map(static fn (string $name): string => html_entity_decode($name, ENT_QUOTES | ENT_HTML5), $names);
}

/** @return array<string, mixed> What one public post holds now. */
function bed_describe(WP_Post $post): array
{
    $title = wp_strip_all_tags(apply_filters('the_title', $post->post_title, $post->ID));
    return [
        'id' => $post->ID,
        'link' => get_permalink($post),
        'slug' => urldecode($post->post_name),
        'title' => html_entity_decode($title, ENT_QUOTES | ENT_HTML5, 'UTF-8'),
        'title_raw' => $post->post_title,
        'status' => $post->post_status,
        'protected' => $post->post_password !== '',
        'date_gmt' => str_replace(' ', 'T', $post->post_date_gmt),
        'modified_gmt' => str_replace(' ', 'T', $post->post_modified_gmt),
        'categories' => bed_names($post->ID, 'category'),
        'tags' => bed_names($post->ID, 'post_tag'),
        'content' => $post->post_content,
    ];
}

/** @return list<array<string, mixed>> Every published post, by id. */
function bed_expected(): array
{
    $query = ['post_type' => 'post', 'post_status' => 'publish', 'numberposts' => -1];
    return array_map('bed_describe', get_posts($query + ['orderby' => 'ID', 'order' => 'ASC']));
}

function bed_permalinks(string $structure): void
{
    update_option('permalink_structure', $structure);
    update_option('rewrite_rules', '');
}

$in = bed_input();
$id = $in['id'] ?? 0;
bed_output(match ($in['operation']) {
    'insert' => bed_insert($in),
    'update' => bed_update($id, $in['fields']),
    'delete' => bed_done(wp_delete_post($id, true))->ID,
    'trash' => bed_done(wp_trash_post($id))->ID,
    'publish_scheduled' => bed_publish_scheduled($id),
    'categories' => bed_done(wp_set_post_categories($id, bed_terms($in['names'], 'category'))),
    'tags' => bed_done(wp_set_post_terms($id, bed_terms($in['names'], 'post_tag'), 'post_tag')),
    'permalinks' => bed_permalinks($in['structure']),
    'rest' => update_option('bed_rest_status', $in['status']),
    'theme' => switch_theme($in['name']),
    'expected' => bed_expected(),
});
